import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';

import {
  GatewayError,
  QueryTooComplexError,
  RateLimitedError,
  TooManySubscriptionsError,
} from '../errors.js';
import type { Logger } from '../logger.js';
import type { Context } from './context.js';
import { limits } from './limits.js';

export type FormatError = NonNullable<ApolloServerOptions<Context>['formatError']>;

/**
 * Passes on deliberate errors, and errors of the request itself, which have no path. Masks and logs
 * any other error: it is a defect. `onRejected` receives the name of each exceeded limit.
 */
export function createErrorFormatter(
  logger: Logger,
  onRejected: (reason: string) => void,
): FormatError {
  function tooComplex(reason: string, message: string): GraphQLFormattedError {
    onRejected(reason);
    return { message, extensions: { code: 'QUERY_TOO_COMPLEX' } };
  }

  return function formatError(original, error) {
    const formatted = truncate(original);
    const { message: reported, path, extensions } = formatted;
    const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
    const requestId = requestIds.get(error as object);
    if (cause instanceof QueryTooComplexError) return tooComplex(cause.limit, reported);
    if (cause instanceof RateLimitedError) onRejected('rate');
    if (cause instanceof TooManySubscriptionsError) onRejected('subscriptions');
    if (cause instanceof GatewayError) {
      if (cause.cause !== undefined) logger.warn({ requestId, err: cause.cause }, cause.message);
      return formatted;
    }
    if (path === undefined) {
      if (extensions?.['validationErrorCode'] === 'MAX_RECURSIVE_SELECTIONS_EXCEEDED') {
        return tooComplex(
          'selections',
          `The query selects more than ${limits.selections} fields, counting each use of a fragment.`,
        );
      }
      if (VALIDATION_ABORTED.has(reported)) {
        return tooComplex(
          'validation',
          'The query is too expensive to validate: it nests too deeply, ' +
            'or repeats too many fields or fragments.',
        );
      }
      if (TOO_MANY_TOKENS.test(reported)) onRejected('tokens');
      if (extensions?.['code'] !== 'INTERNAL_SERVER_ERROR') return formatted;
      // Apollo sets no code for some mistakes, such as a persisted query with a wrong hash.
      if (httpStatusOf(error) === 400) return { ...formatted, extensions: { code: 'BAD_REQUEST' } };
    }
    logger.error({ requestId, err: cause, path }, 'A request failed');
    const message = 'Something went wrong on our side.';
    return { ...formatted, message, extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  };
}

/** How graphql-js aborts validation: by a stack overflow, or by its limit on comparing fields. */
const VALIDATION_ABORTED = new Set(['Maximum call stack size exceeded', 'Validation aborted.']);

/** The error of graphql-js for `maxLexicalTokens`, which only its message identifies. */
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more that \d+ tokens\b/;

const MAX_MESSAGE_LENGTH = 1_000;
const MAX_LOCATIONS = 10;

/** Messages quote names and values of the request, which may have any size. */
function truncate({ message, locations, ...rest }: GraphQLFormattedError): GraphQLFormattedError {
  const isLong = message.length > MAX_MESSAGE_LENGTH;
  return {
    message: isLong ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message,
    ...(locations && { locations: locations.slice(0, MAX_LOCATIONS) }),
    ...rest,
  };
}

const requestIds = new WeakMap<object, string>();

/** Apollo calls `formatError` without the context. */
export function recordRequestId(error: object, requestId: string): void {
  requestIds.set(error, requestId);
}

function httpStatusOf(error: unknown): number | undefined {
  const { extensions } = error as { extensions?: { http?: { status?: number } } };
  return extensions?.http?.status;
}

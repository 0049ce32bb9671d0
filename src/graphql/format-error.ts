import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';

import { GatewayError, QueryTooComplexError } from '../errors.js';
import type { Logger } from '../logger.js';
import { limits, NESTED_TOO_DEEPLY } from './limits.js';
import { requestIdOf } from './operation-metrics.js';

/**
 * What a client is told of an error. Errors thrown on purpose pass, and so do those of the request itself (a wrong document,
 * wrong variables), which come before any field is resolved and so have no path. Every other one is a defect: the client
 * learns only that, and the log has all of it.
 */
export function createErrorFormat({
  logger,
  onRejected,
}: {
  logger: Logger;
  /** Told the name of each limit that a request is refused for. */
  onRejected: (limit: string) => void;
}): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  function tooComplex(limit: string, message: string): GraphQLFormattedError {
    onRejected(limit);
    return { message, extensions: { code: 'QUERY_TOO_COMPLEX' } };
  }

  return function formatError(whole, error) {
    const formatted = bounded(whole);
    const thrown = unwrapResolverError(error);
    if (thrown instanceof GatewayError) {
      if (thrown.cause !== undefined) {
        logger.warn({ requestId: requestIdOf(error), err: thrown.cause }, thrown.message);
      }
      return formatted;
    }
    if (formatted.extensions?.['validationErrorCode'] === 'MAX_RECURSIVE_SELECTIONS_EXCEEDED') {
      return tooComplex(
        'selections',
        `The query has more than ${limits.selections} fields, with its fragments written out.`,
      );
    }
    if (formatted.extensions?.['validationErrorCode'] === NESTED_TOO_DEEPLY) {
      return tooComplex('nesting', formatted.message);
    }
    const isOfRequest = formatted.path === undefined;
    if (isOfRequest && tooMuchToCheck.has(formatted.message)) {
      return tooComplex(
        'validation',
        'The query is too much to check: it is nested too deeply, or repeats too many fields or fragments.',
      );
    }
    if (isOfRequest && TOO_MANY_TOKENS.test(formatted.message)) onRejected('tokens');
    const refusal = thrown instanceof GraphQLError ? thrown.originalError : null;
    if (refusal instanceof QueryTooComplexError) onRejected(refusal.limit);
    if (isOfRequest && formatted.extensions?.['code'] !== 'INTERNAL_SERVER_ERROR') return formatted;
    if (isOfRequest && isBadRequest(thrown)) {
      return { ...formatted, extensions: { code: 'BAD_REQUEST' } };
    }
    if (isArgumentError(thrown)) return { ...formatted, extensions: { code: 'BAD_USER_INPUT' } };
    const requestId = requestIdOf(error);
    logger.error({ requestId, err: thrown, path: formatted.path }, 'A request failed');
    return {
      message: 'Something went wrong on our side.',
      ...(formatted.locations && { locations: formatted.locations }),
      ...(formatted.path && { path: formatted.path }),
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    };
  };
}

/** How graphql-js gives up on a document: by the stack of the process, or by a limit of its own on comparing fields. */
const tooMuchToCheck = new Set(['Maximum call stack size exceeded', 'Validation aborted.']);

/** How graphql-js says that a document has more tokens than `maxLexicalTokens`; the error has no mark of its own. */
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more that \d+ tokens\b/;

const MAX_MESSAGE_LENGTH = 1_000;
const MAX_LOCATIONS = 10;

/** Messages repeat names and values of the request, which may be of any size, and there may be many messages. */
function bounded(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const { message, locations } = formatted;
  return {
    ...formatted,
    message:
      message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message,
    ...(locations && { locations: locations.slice(0, MAX_LOCATIONS) }),
  };
}

/** Whether Apollo refuses the request itself. To some refusals, such as of a persisted query's wrong hash, it gives no code. */
function isBadRequest(thrown: unknown): boolean {
  if (!(thrown instanceof GraphQLError)) return false;
  const { http, code } = thrown.extensions as { http?: { status?: number }; code?: unknown };
  return code === undefined && http?.status === 400;
}

/**
 * Whether graphql-js found a variable unfit for the argument it stands in: a nullable one that is null, for an argument
 * that may be left out but not be null. Validation lets it through, and Apollo does not know it for a mistake of the client.
 */
function isArgumentError(thrown: unknown): boolean {
  return thrown instanceof GraphQLError && thrown.nodes?.[0]?.kind === Kind.VARIABLE;
}

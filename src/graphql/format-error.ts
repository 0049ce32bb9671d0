import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';

import { GatewayError } from '../errors.js';
import type { Logger } from '../logger.js';

/**
 * What a client is told of an error. Errors thrown on purpose pass, and so do those of the request itself (a wrong document,
 * wrong variables), which come before any field is resolved and so have no path. Every other one is a defect: the client
 * learns only that, and the log has all of it.
 */
export function createErrorFormat(
  logger: Logger,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return function formatError(formatted, error) {
    const thrown = unwrapResolverError(error);
    if (thrown instanceof GatewayError) {
      if (thrown.cause !== undefined) logger.warn({ err: thrown.cause }, thrown.message);
      return formatted;
    }
    if (isArgumentError(thrown)) return { ...formatted, extensions: { code: 'BAD_USER_INPUT' } };
    const isOfRequest = formatted.path === undefined;
    if (isOfRequest && formatted.extensions?.['code'] !== 'INTERNAL_SERVER_ERROR') return formatted;
    logger.error({ err: thrown, path: formatted.path }, 'A request failed');
    return {
      message: 'Something went wrong on our side.',
      ...(formatted.locations && { locations: formatted.locations }),
      ...(formatted.path && { path: formatted.path }),
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    };
  };
}

/**
 * Whether graphql-js found a variable unfit for the argument it stands in: a nullable one that is null, for an argument
 * that may be left out but not be null. Validation lets it through, and Apollo does not know it for a mistake of the client.
 */
function isArgumentError(thrown: unknown): boolean {
  return thrown instanceof GraphQLError && thrown.nodes?.[0]?.kind === Kind.VARIABLE;
}

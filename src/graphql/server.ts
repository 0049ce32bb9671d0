import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';

import type { Logger } from '../logger.js';
import type { Context } from './context.js';
import { createErrorFormat } from './format-error.js';
import { knownOperationTypes } from './known-operation-types.js';

/** Apollo Server over a schema, not yet started. */
export function createApolloServer(
  schema: GraphQLSchema,
  { introspection, logger }: { introspection: boolean; logger: Logger },
): ApolloServer<Context> {
  return new ApolloServer<Context>({
    schema,
    introspection,
    validationRules: [knownOperationTypes],
    logger,
    formatError: createErrorFormat(logger),
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    plugins: [
      // The gateway serves GraphiQL itself, gives no cache hints, and reports to nobody.
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
    ],
  });
}

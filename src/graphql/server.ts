import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';

import type { Logger } from '../logger.js';
import { createCaches } from './caches.js';
import type { Context } from './context.js';
import { createErrorFormatter } from './format-error.js';
import { jitExecution } from './jit-execution.js';
import { limits, limitsPlugin } from './limits.js';
import { conditionalResponses, operationMetrics } from './plugins.js';
import { maxNestingRule, readOnlyOperationsRule } from './validation-rules.js';

/** Creates the Apollo Server of a schema, not started. */
export function createApolloServer(
  schema: GraphQLSchema,
  {
    introspection,
    logger,
    onRejected,
  }: { introspection: boolean; logger: Logger; onRejected: (reason: string) => void },
): ApolloServer<Context> {
  const formatError = createErrorFormatter(logger, onRejected);
  return new ApolloServer<Context>({
    schema,
    ...createCaches(),
    introspection,
    // Without introspection, hints such as "Did you mean …" must not reveal the schema either.
    hideSchemaDetailsFromClientErrors: !introspection,
    parseOptions: { maxLexicalTokens: limits.tokens },
    maxRecursiveSelections: limits.selections,
    validationRules: [readOnlyOperationsRule, maxNestingRule],
    logger,
    formatError,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    plugins: [
      limitsPlugin(schema, { hideSuggestions: !introspection }),
      conditionalResponses,
      jitExecution(schema, formatError),
      operationMetrics,
      // When a router first requests field timings, Apollo would wrap every resolver for good.
      ApolloServerPluginInlineTraceDisabled(),
      // The gateway serves its own GraphiQL and uses none of these services.
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
    ],
  });
}

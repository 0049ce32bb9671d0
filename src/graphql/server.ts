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
import { jitExecution } from './jit-execution.js';
import { createErrorFormat } from './format-error.js';
import { readOnlyOperationsRule } from './read-only-operations-rule.js';
import { maxNestingRule, limits, limitsPlugin } from './limits.js';
import { operationMetrics } from './operation-metrics.js';
import { conditionalResponses } from './conditional-responses.js';

/** Apollo Server over a schema, not yet started. */
export function createApolloServer(
  schema: GraphQLSchema,
  {
    introspection,
    logger,
    onRejected,
  }: { introspection: boolean; logger: Logger; onRejected: (limit: string) => void },
): ApolloServer<Context> {
  const { gateway, plugin: execution } = jitExecution(schema);
  return new ApolloServer<Context>({
    gateway,
    ...createCaches(),
    introspection,
    // Where the schema is not shown, hints such as "Did you mean …" must not tell it either.
    hideSchemaDetailsFromClientErrors: !introspection,
    parseOptions: { maxLexicalTokens: limits.tokens },
    maxRecursiveSelections: limits.selections,
    validationRules: [readOnlyOperationsRule, maxNestingRule],
    logger,
    formatError: createErrorFormat({ logger, onRejected }),
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    plugins: [
      limitsPlugin(schema, { hideSuggestions: !introspection }),
      conditionalResponses,
      execution,
      operationMetrics,
      // For a router that asks how long each field took, Apollo would put a watcher around every resolver, for good: from then on
      // all requests of everybody would pay for it.
      ApolloServerPluginInlineTraceDisabled(),
      // The gateway serves GraphiQL itself, gives no cache hints, and reports to nobody.
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
    ],
  });
}

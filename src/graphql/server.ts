import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache';
import type { GraphQLSchema } from 'graphql';

import type { Logger } from '../logger.js';
import { CompiledOperations } from './compiled-operations.js';
import type { Context } from './context.js';
import { CostBudgets } from './cost-budgets.js';
import { DocumentStore } from './document-store.js';
import { createErrorFormatter } from './format-error.js';
import { jitExecution } from './jit-execution.js';
import { limits, limitsPlugin, OperationLimits } from './limits.js';
import { conditionalResponses, operationMetrics } from './plugins.js';
import { RepeatedOperations } from './repeated-operations.js';
import { subscriptionExecution, type SubscriptionOptions } from './subscription-execution.js';
import { maxNestingRule, readOnlyOperationsRule } from './validation-rules.js';

const MAX_PERSISTED_QUERY_CHARACTERS = 5_000_000;

/** Validated documents, and the texts of persisted queries. */
export function createCaches() {
  return {
    documentStore: new DocumentStore(),
    cache: new InMemoryLRUCache({ maxSize: MAX_PERSISTED_QUERY_CHARACTERS }),
  };
}

/** An idle organization may spend ten seconds' budget at once, and the dearest query at least. */
function createBudgets(costPerSecond: number): CostBudgets {
  return new CostBudgets(costPerSecond, Math.max(10 * costPerSecond, limits.cost));
}

export interface GraphqlServer {
  readonly apollo: ApolloServer<Context>;
  readonly repeatedOperations: RepeatedOperations;
}

/** Creates an Apollo Server for a schema, without starting it, and the fast path beside it. */
export function createGraphqlServer(
  schema: GraphQLSchema,
  options: {
    readonly introspection: boolean;
    /** What the operations of each organization may cost a second; null for any cost. */
    readonly costPerSecond: number | null;
    readonly logger: Logger;
    readonly onRejected: (reason: string) => void;
    readonly subscriptions: SubscriptionOptions;
  },
): GraphqlServer {
  const { introspection, costPerSecond, logger } = options;
  const budgets = costPerSecond === null ? null : createBudgets(costPerSecond);
  const formatError = createErrorFormatter(logger, options.onRejected);
  const caches = createCaches();
  const operations = new CompiledOperations(schema);
  const operationLimits = new OperationLimits(schema, { hideSuggestions: !introspection, budgets });
  const apollo = new ApolloServer<Context>({
    schema,
    ...caches,
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
      limitsPlugin(operationLimits),
      conditionalResponses,
      subscriptionExecution(schema, { ...options.subscriptions, budgets, formatError }),
      jitExecution(operations, formatError),
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
  const repeatedOperations = new RepeatedOperations({
    documents: caches.documentStore,
    operations,
    limits: operationLimits,
    formatError,
  });
  return { apollo, repeatedOperations };
}

import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache';
import type { DocumentNode, GraphQLSchema } from 'graphql';

import type { Logger } from '../logger.js';
import type { Context } from './context.js';
import { CostBudgets } from './cost-budgets.js';
import { createErrorFormatter } from './format-error.js';
import { jitExecution, MAX_COMPILED_FIELDS } from './jit-execution.js';
import { limits, limitsPlugin } from './limits.js';
import { conditionalResponses, operationMetrics } from './plugins.js';
import { fieldCount } from './selections.js';
import { subscriptionExecution, type SubscriptionOptions } from './subscription-execution.js';
import { maxNestingRule, readOnlyOperationsRule } from './validation-rules.js';

/** Holds about a thousand documents. By default, Apollo measures them as JSON. */
const MAX_DOCUMENT_BYTES = 65_000_000;
const MAX_PERSISTED_QUERY_CHARACTERS = 5_000_000;
const TOKEN_BYTES = 500;
const COMPILED_FIELD_BYTES = 2_000;

/** Validated documents, and the texts of persisted queries. */
export function createCaches() {
  return {
    documentStore: new InMemoryLRUCache<DocumentNode>({
      maxSize: MAX_DOCUMENT_BYTES,
      sizeCalculation: estimateDocumentBytes,
    }),
    cache: new InMemoryLRUCache({ maxSize: MAX_PERSISTED_QUERY_CHARACTERS }),
  };
}

/** The memory of a document: its source, its tree, and its operations once they are compiled. */
function estimateDocumentBytes(document: DocumentNode): number {
  const { loc } = document;
  let tokens = 1;
  for (let token = loc?.startToken.next; token != null; token = token.next) tokens++;
  const compiledFields = Math.min(fieldCount(document), MAX_COMPILED_FIELDS);
  const sourceBytes = loc?.source.body.length ?? 0;
  return sourceBytes + tokens * TOKEN_BYTES + compiledFields * COMPILED_FIELD_BYTES;
}

/** An idle organization may spend ten seconds' budget at once, and the dearest query at least. */
function createBudgets(costPerSecond: number): CostBudgets {
  return new CostBudgets(costPerSecond, Math.max(10 * costPerSecond, limits.cost));
}

/** Creates an Apollo Server for a schema, without starting it. */
export function createApolloServer(
  schema: GraphQLSchema,
  options: {
    readonly introspection: boolean;
    /** What the operations of each organization may cost a second; null for any cost. */
    readonly costPerSecond: number | null;
    readonly logger: Logger;
    readonly onRejected: (reason: string) => void;
    readonly subscriptions: SubscriptionOptions;
  },
): ApolloServer<Context> {
  const { introspection, costPerSecond, logger } = options;
  const budgets = costPerSecond === null ? null : createBudgets(costPerSecond);
  const formatError = createErrorFormatter(logger, options.onRejected);
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
      limitsPlugin(schema, { hideSuggestions: !introspection, budgets }),
      conditionalResponses,
      subscriptionExecution(schema, { ...options.subscriptions, budgets, formatError }),
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

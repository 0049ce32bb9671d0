import type { ApolloServerPlugin } from '@apollo/server';
import {
  getVariableValues,
  OperationTypeNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';

import { QueryTooComplexError, RateLimitedError } from '../errors.js';
import type { Context } from './context.js';
import type { CostBudgets } from './cost-budgets.js';
import { badUserInput, costOf, type MeasuredCost } from './cost.js';
import { selectionDepth } from './selections.js';

/**
 * Real requests need less: a page of 100 exports with all fields, files and links costs 12,500;
 * fifty such lookups by id have 4,500 tokens; GraphiQL's introspection is 13 levels deep.
 */
export const limits = {
  /** Bounds the time of parsing and validation. */
  tokens: 10_000,
  /** Selected fields, counting a fragment each time it is spread. */
  selections: 10_000,
  depth: 15,
  /** Nested braces as written: validation recurses into them, and the stack is finite. */
  nesting: 100,
  /** One plain field of one object costs 1; the schema sets the cost of lists, links and counts. */
  cost: 15_000,
} as const;

/** A client that sends this header, with any value, receives `extensions.cost`. */
const COST_HEADER = 'X-GraphQL-Cost';

interface LimitsOptions {
  readonly hideSuggestions: boolean;
  /** Null where organizations have no budget of cost. */
  readonly budgets: CostBudgets | null;
}

/**
 * Rejects operations that are too deep, too expensive, or beyond the budget of their organization
 * before anything is resolved.
 */
export function limitsPlugin(
  schema: GraphQLSchema,
  { hideSuggestions, budgets }: LimitsOptions,
): ApolloServerPlugin<Context> {
  const depths = new WeakMap<OperationDefinitionNode, number>();

  function checkDepth(operation: OperationDefinitionNode, depth: number): void {
    depths.set(operation, depth);
    if (depth <= limits.depth) return;
    const message = `The query is ${depth} levels deep; at most ${limits.depth} are allowed.`;
    throw new QueryTooComplexError('depth', message);
  }

  function checkVariables(operation: OperationDefinitionNode, variables: object): void {
    const { variableDefinitions = [] } = operation;
    // Execution would quote the whole value once per mistake: of 10,000, for most of a minute.
    const options = { maxErrors: 1, hideSuggestions };
    const { errors } = getVariableValues(schema, variableDefinitions, { ...variables }, options);
    if (errors?.[0]) throw badUserInput(errors[0]);
  }

  function pay({ cost, most }: MeasuredCost, organization: string | null): void {
    const advice =
      `The most expensive field is ${most.name} with ${most.cost}. ` +
      'Request fewer exports at a time, or fewer files, links, counts and searches.';
    if (cost > limits.cost) {
      const problem = `The query costs ${cost}; at most ${limits.cost} are allowed.`;
      throw new QueryTooComplexError('cost', `${problem} ${advice}`);
    }
    if (budgets === null || organization === null) return;
    const retryAfter = budgets.pay(organization, cost);
    if (retryAfter === 0) return;
    throw new RateLimitedError(
      retryAfter,
      `The query costs ${cost}, and the budget of the organization has ` +
        `${budgets.remaining(organization)} left. It regains ${budgets.perSecond} a second: ` +
        `try again in ${retryAfter} s. ${advice}`,
    );
  }

  return {
    requestDidStart: async ({ request: { http }, contextValue: { viewer } }) => {
      const { organization } = viewer;
      let cost: number | undefined;
      return {
        async didResolveOperation({ document: query, operation, operationName, request }) {
          // Apollo responds with an error next.
          if (operation === undefined) return;
          const { variables = {} } = request;
          checkDepth(operation, depths.get(operation) ?? selectionDepth(operation, query));
          checkVariables(operation, variables);
          const measured = costOf(operation, { schema, query, variables, operationName });
          cost = measured.cost;
          // A subscription pays for each event.
          pay(
            measured,
            operation.operation === OperationTypeNode.SUBSCRIPTION ? null : organization,
          );
        },
        async willSendResponse({ response: { body } }) {
          if (cost === undefined || http?.headers.has(COST_HEADER.toLowerCase()) !== true) return;
          if (body.kind !== 'single') return;
          const { extensions } = body.singleResult;
          const remaining = budgets?.remaining(organization) ?? null;
          const restoreRate = budgets?.perSecond ?? null;
          body.singleResult.extensions = {
            ...extensions,
            cost: { requested: cost, remaining, restoreRate },
          };
        },
      };
    },
  };
}

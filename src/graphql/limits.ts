import type { ApolloServerPlugin } from '@apollo/server';
import {
  getVariableValues,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';

import { QueryTooComplexError, RateLimitedError } from '../errors.js';
import type { Context } from './context.js';
import type { CostBudgets } from './cost-budgets.js';
import { badUserInput, costOf, type MeasuredCost } from './cost.js';
import { arePlainVariables } from './plain-variables.js';
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
export const COST_HEADER = 'x-graphql-cost';

interface LimitsOptions {
  readonly hideSuggestions: boolean;
  /** Null where organizations have no budget of cost. */
  readonly budgets: CostBudgets | null;
}

/** An operation of a document, with the variables of its request. */
export interface RequestedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Variables;
}

type Variables = Readonly<Record<string, unknown>>;

/** The depth, the variables and the cost of operations, and the budgets of organizations. */
export class OperationLimits {
  readonly #depths = new WeakMap<OperationDefinitionNode, number>();
  readonly #rejections = new WeakMap<object, Error>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly options: LimitsOptions,
  ) {}

  /**
   * Returns the cost of an operation. Throws a GraphQLError for one that is too deep, and for
   * variables that are not valid.
   */
  measure({ document, operation, variables }: RequestedOperation): MeasuredCost {
    this.#checkDepth(operation, this.#depths.get(operation) ?? selectionDepth(operation, document));
    this.#checkVariables(operation, variables);
    const operationName = operation.name?.value ?? null;
    const request = { schema: this.schema, query: document, variables, operationName };
    return costOf(operation, request);
  }

  /**
   * Throws a GraphQLError for a cost over the limit or beyond the budget of the organization. A
   * subscription pays for each event instead.
   */
  pay(measured: MeasuredCost, { operation }: OperationDefinitionNode, organization: string): void {
    checkCost(measured);
    if (operation !== OperationTypeNode.SUBSCRIPTION) this.#spend(measured, organization);
  }

  /** Remembers what a request is rejected for: Apollo Server reports it without the same work. */
  reject({ queries }: Context, error: Error): void {
    this.#rejections.set(queries, error);
  }

  /** Throws what the request was rejected for. */
  throwRejection({ queries }: Context): void {
    const error = this.#rejections.get(queries);
    if (error !== undefined) throw error;
  }

  /** What `extensions.cost` tells a client. */
  describe(cost: number, organization: string): object {
    const { budgets } = this.options;
    const remaining = budgets?.remaining(organization) ?? null;
    return { requested: cost, remaining, restoreRate: budgets?.perSecond ?? null };
  }

  #checkDepth(operation: OperationDefinitionNode, depth: number): void {
    this.#depths.set(operation, depth);
    if (depth <= limits.depth) return;
    const message = `The query is ${depth} levels deep; at most ${limits.depth} are allowed.`;
    throw new QueryTooComplexError('depth', message);
  }

  #checkVariables(operation: OperationDefinitionNode, variables: Variables): void {
    if (arePlainVariables(operation, variables)) return;
    const { variableDefinitions = [] } = operation;
    const { hideSuggestions } = this.options;
    // Execution would quote the whole value once per mistake: of 10,000, for most of a minute.
    const options = { maxErrors: 1, hideSuggestions };
    const { errors } = getVariableValues(
      this.schema,
      variableDefinitions,
      { ...variables },
      options,
    );
    if (errors?.[0]) throw badUserInput(errors[0]);
  }

  #spend({ cost, most }: MeasuredCost, organization: string): void {
    const { budgets } = this.options;
    const retryAfter = budgets?.pay(organization, cost) ?? 0;
    if (budgets === null || retryAfter === 0) return;
    throw new RateLimitedError(
      retryAfter,
      `The query costs ${cost}, and the budget of the organization has ` +
        `${budgets.remaining(organization)} left. It regains ${budgets.perSecond} a second: ` +
        `try again in ${retryAfter} s. ${adviceFor(most)}`,
    );
  }
}

function checkCost({ cost, most }: MeasuredCost): void {
  if (cost <= limits.cost) return;
  const problem = `The query costs ${cost}; at most ${limits.cost} are allowed.`;
  throw new QueryTooComplexError('cost', `${problem} ${adviceFor(most)}`);
}

function adviceFor({ name, cost }: MeasuredCost['most']): string {
  return (
    `The most expensive field is ${name} with ${cost}. ` +
    'Request fewer exports at a time, or fewer files, links, counts and searches.'
  );
}

/** Rejects operations beyond the limits before anything is resolved. */
export function limitsPlugin(operationLimits: OperationLimits): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async ({ request: { http }, contextValue }) => {
      const { organization } = contextValue.viewer;
      let cost: number | undefined;
      return {
        async didResolveOperation({ document, operation, request: { variables = {} } }) {
          // Apollo responds with an error next.
          if (operation === undefined) return;
          operationLimits.throwRejection(contextValue);
          const measured = operationLimits.measure({ document, operation, variables });
          cost = measured.cost;
          operationLimits.pay(measured, operation, organization);
        },
        async willSendResponse({ response: { body } }) {
          if (cost === undefined || http?.headers.has(COST_HEADER) !== true) return;
          if (body.kind !== 'single') return;
          const { extensions } = body.singleResult;
          const described = operationLimits.describe(cost, organization);
          body.singleResult.extensions = { ...extensions, cost: described };
        },
      };
    },
  };
}

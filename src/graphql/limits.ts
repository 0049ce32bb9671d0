import { createRequire } from 'node:module';

import type { ApolloServerPlugin } from '@apollo/server';
import type * as complexity from 'graphql-query-complexity';
import {
  getNullableType,
  getVariableValues,
  GraphQLError,
  isListType,
  Kind,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';

import { QueryTooComplexError } from '../errors.js';
import type { Context } from './context.js';
import { selectionDepth } from './selections.js';

// Its ES module would load a second copy of graphql-js, which rejects the types of this schema.
const { fieldExtensionsEstimator, getComplexity } = createRequire(import.meta.url)(
  'graphql-query-complexity',
) as typeof complexity;
const estimateByExtensions = fieldExtensionsEstimator();

/**
 * Real requests need less: a page of 100 exports with all fields, files and links costs 11,600;
 * fifty such look-ups by id have 4,500 tokens; GraphiQL's introspection is 13 levels deep.
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

/** Rejects operations that are too deep or too expensive before anything is resolved. */
export function limitsPlugin(
  schema: GraphQLSchema,
  { hideSuggestions }: { hideSuggestions: boolean },
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async didResolveOperation({ document: query, operation, operationName, request }) {
        // Apollo responds with an error next.
        if (operation === undefined) return;
        const depth = depths.get(operation) ?? selectionDepth(operation, query);
        depths.set(operation, depth);
        if (depth > limits.depth) {
          const message = `The query is ${depth} levels deep; at most ${limits.depth} are allowed.`;
          throw new QueryTooComplexError('depth', message);
        }
        const { variables = {} } = request;
        const { variableDefinitions = [] } = operation;
        // Execution would quote the whole value once per mistake: of 10,000, for most of a minute.
        const options = { maxErrors: 1, hideSuggestions };
        const { errors } = getVariableValues(schema, variableDefinitions, variables, options);
        if (errors?.[0]) throw badUserInput(errors[0]);
        const key = costCacheKey(operation, variables);
        const { cost, most } = memoizeByOperation(operation, key, () =>
          measureCost({ schema, query, variables, operationName }),
        );
        if (cost > limits.cost) {
          throw new QueryTooComplexError(
            'cost',
            `The query costs ${cost}; at most ${limits.cost} are allowed. ` +
              `The most expensive field is ${most.name} with ${most.cost}. ` +
              'Request fewer exports at a time, or fewer files, links, counts and searches.',
          );
        }
      },
    }),
  };
}

interface MeasuredCost {
  readonly cost: number;
  /** The most expensive field of the query type, with its alias. */
  readonly most: { readonly name: string; readonly cost: number };
}

const depths = new WeakMap<OperationDefinitionNode, number>();
const measures = new WeakMap<OperationDefinitionNode, Map<string, MeasuredCost>>();
const MAX_MEASURES_PER_OPERATION = 200;

/** Measures once per key: Apollo caches documents, so a repeated text is the same operation. */
function memoizeByOperation(
  operation: OperationDefinitionNode,
  key: string,
  measure: () => MeasuredCost,
): MeasuredCost {
  let known = measures.get(operation);
  if (known === undefined) measures.set(operation, (known = new Map<string, MeasuredCost>()));
  let value = known.get(key);
  if (value === undefined) {
    value = measure();
    if (known.size >= MAX_MEASURES_PER_OPERATION) known.clear();
    known.set(key, value);
  }
  return value;
}

/** What a cost can depend on: numbers, booleans, lengths of lists, and what is null or empty. */
function costCacheKey(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): string {
  return variableDefinitions.map(({ variable }) => keyOf(variables[variable.name.value])).join();
}

function keyOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === 'string') return value === '' ? 'empty' : 'string';
  if (typeof value !== 'object' || value === null) return String(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${name}:${keyOf(each)}`)
    .join()}}`;
}

interface MeasuredOperation {
  readonly schema: GraphQLSchema;
  readonly query: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | null;
}

/** Throws a GraphQLError for a variable that its argument does not accept, such as null. */
function measureCost({ operationName, ...operation }: MeasuredOperation): MeasuredCost {
  let most = { name: '', cost: -1 };
  const root = operation.schema.getQueryType();
  const estimate = (args: complexity.ComplexityEstimatorArgs) => {
    const cost =
      estimateByExtensions(args) ?? estimateIntrospectionList(args) ?? 1 + args.childComplexity;
    if (args.type === root && cost > most.cost) {
      const { alias, name } = args.node;
      most = { name: alias ? `${alias.value}: ${name.value}` : name.value, cost };
    }
    return cost;
  };
  const named = operationName === null ? operation : { ...operation, operationName };
  try {
    return { cost: getComplexity({ ...named, estimators: [estimate] }), most };
  } catch (error) {
    throw error instanceof GraphQLError ? badUserInput(error) : error;
  }
}

/** Lists of introspection have about five members. The schema cannot set their cost. */
function estimateIntrospectionList(args: complexity.ComplexityEstimatorArgs): number | undefined {
  const { type, field, childComplexity } = args;
  const isIntrospectionList = type.name.startsWith('__') && isListType(getNullableType(field.type));
  return isIntrospectionList ? 1 + 5 * childComplexity : undefined;
}

/** The error of a variable, whose name is then the argument. */
function badUserInput({ message, nodes }: GraphQLError): GraphQLError {
  const [node] = nodes ?? [];
  const argument = node?.kind === Kind.VARIABLE_DEFINITION ? node.variable.name.value : undefined;
  const extensions = { code: 'BAD_USER_INPUT', argument, http: { status: 400 } };
  return new GraphQLError(message, { nodes: nodes ?? null, extensions });
}

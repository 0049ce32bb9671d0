import {
  getNullableType,
  GraphQLError,
  isListType,
  Kind,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
// Its ES module would load a second copy of graphql-js, which rejects the types of this schema.
import complexity, { type ComplexityEstimatorArgs } from 'graphql-query-complexity/cjs';

import { BadUserInputError } from '../errors.js';

const { fieldExtensionsEstimator, getComplexity } = complexity;
const estimateByExtensions = fieldExtensionsEstimator();

export interface MeasuredCost {
  readonly cost: number;
  /** The most expensive field of a root type, with its alias. */
  readonly most: { readonly name: string; readonly cost: number };
}

const measures = new WeakMap<OperationDefinitionNode, Map<string, MeasuredCost>>();
const MAX_MEASURES_PER_OPERATION = 200;
/** In characters. Longer keys are not kept: `_Any` accepts property names of any length. */
const MAX_KEY_LENGTH = 1_000;

/**
 * Returns the cost of an operation. It is measured once per key of its variables: for a repeated
 * text, the document store returns the same operation. Throws a GraphQLError for a variable that its
 * argument does not accept, such as null, and for a value that a cost function rejects.
 */
export function costOf(operation: OperationDefinitionNode, request: Measured): MeasuredCost {
  let known = measures.get(operation);
  if (known === undefined) measures.set(operation, (known = new Map<string, MeasuredCost>()));
  const key = costCacheKey(operation, request.variables);
  let cost = known.get(key);
  if (cost === undefined) {
    cost = measure(request);
    if (key.length > MAX_KEY_LENGTH) return cost;
    if (known.size >= MAX_MEASURES_PER_OPERATION) known.clear();
    known.set(key, cost);
  }
  return cost;
}

/** What a cost can depend on: numbers, booleans, lengths of lists, and what is null, empty or blank. */
function costCacheKey(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): string {
  return variableDefinitions.map(({ variable }) => keyOf(variables[variable.name.value])).join();
}

function keyOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === 'string') {
    if (value === '') return 'empty';
    return value.trim() === '' ? 'blank' : 'string';
  }
  if (typeof value !== 'object' || value === null) return String(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}:${keyOf(each)}`)
    .join()}}`;
}

export interface Measured {
  readonly schema: GraphQLSchema;
  readonly query: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | null;
}

function measure({ operationName, ...operation }: Measured): MeasuredCost {
  let most = { name: '', cost: -1 };
  const { schema } = operation;
  const roots: unknown[] = [schema.getQueryType(), schema.getSubscriptionType()];
  const estimate = (args: ComplexityEstimatorArgs) => {
    const cost =
      estimateByExtensions(args) ?? estimateIntrospectionList(args) ?? 1 + args.childComplexity;
    if (roots.includes(args.type) && cost > most.cost) {
      const { alias, name } = args.node;
      most = { name: alias ? `${alias.value}: ${name.value}` : name.value, cost };
    }
    return cost;
  };
  const named = operationName === null ? operation : { ...operation, operationName };
  try {
    return { cost: getComplexity({ ...named, estimators: [estimate] }), most };
  } catch (error) {
    if (error instanceof GraphQLError) throw badUserInput(error);
    if (!(error instanceof BadUserInputError)) throw error;
    const extensions = { ...error.extensions, http: { status: 400 } };
    throw new GraphQLError(error.message, { extensions });
  }
}

/** Lists of introspection have about five members. The schema cannot set their cost. */
function estimateIntrospectionList(args: ComplexityEstimatorArgs): number | undefined {
  const { type, field, childComplexity } = args;
  const isIntrospectionList = type.name.startsWith('__') && isListType(getNullableType(field.type));
  return isIntrospectionList ? 1 + 5 * childComplexity : undefined;
}

/** The error of a variable, whose name is then the argument. */
export function badUserInput({ message, nodes }: GraphQLError): GraphQLError {
  const [node] = nodes ?? [];
  const argument = node?.kind === Kind.VARIABLE_DEFINITION ? node.variable.name.value : undefined;
  const extensions = { code: 'BAD_USER_INPUT', argument, http: { status: 400 } };
  return new GraphQLError(message, { nodes: nodes ?? null, extensions });
}

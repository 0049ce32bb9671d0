import { createRequire } from 'node:module';

import type { ApolloServerPlugin } from '@apollo/server';
import type * as complexity from 'graphql-query-complexity';
import {
  getNullableType,
  getVariableValues,
  GraphQLError,
  isListType,
  visit,
  type ASTVisitor,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValidationContext,
  type VariableDefinitionNode,
} from 'graphql';

import { QueryTooComplexError } from '../errors.js';
import type { Context } from './context.js';
import { measureSelections } from './selections.js';

// As an ES module it would bring a second copy of graphql-js, whose types are strangers to those of the schema.
const { fieldExtensionsEstimator, getComplexity, simpleEstimator } = createRequire(import.meta.url)(
  'graphql-query-complexity',
) as typeof complexity;

/**
 * What a document may have at most. Room is left on purpose for what a person or a gateway in front really sends: a page of
 * 100 exports with all fields, files and links costs some 11,600; fifty look-ups of one export with everything, merged into
 * one document, cost some 6,500 and have some 4,500 tokens; GraphiQL's introspection is 13 levels deep.
 */
export const limits = {
  /** Words and signs: what parsing and validating may take. */
  tokens: 10_000,
  /** Fields counted with every fragment written out: what small documents may blow up to. */
  selections: 10_000,
  depth: 15,
  /** Braces within braces, as written: validation recurses into them, and the stack has an end. */
  nesting: 100,
  /** In units of one plain field of one object. Lists, links and counts say in the schema what they cost. */
  cost: 15_000,
} as const;

/** Refuses documents that are too deep or cost too much, before anything is resolved, saying the limit and the cost. */
export function limitsPlugin(
  schema: GraphQLSchema,
  { hideSuggestions }: { hideSuggestions: boolean },
): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, operationName, request }) {
          // Apollo goes on to say that there is none of this name.
          if (operation === undefined) return;
          const depth = memoizeByOperation(operation, 'depth', () =>
            measureSelections(operation, document, Math.max),
          );
          if (depth > limits.depth) {
            throw new QueryTooComplexError(
              'depth',
              `The query is ${depth} levels deep; at most ${limits.depth} are allowed.`,
            );
          }
          const variables = request.variables ?? {};
          const { variableDefinitions = [] } = operation;
          // graphql-js would show the whole value in an error for each mistake in it: of 10,000, that takes most of a minute.
          const { errors } = getVariableValues(schema, variableDefinitions, variables, {
            maxErrors: 1,
            hideSuggestions,
          });
          if (errors?.[0]) throw badUserInput(errors[0]);
          const cost = memoizeByOperation(
            operation,
            costCacheKey(variableDefinitions, variables),
            () => costOf({ schema, document, operationName, variables }),
          );
          if (cost > limits.cost) {
            throw new QueryTooComplexError(
              'cost',
              `The query costs ${cost}; at most ${limits.cost} are allowed. Ask for fewer exports at a time, or for ` +
                'fewer files, links and counts.',
            );
          }
        },
      };
    },
  };
}

const measures = new WeakMap<OperationDefinitionNode, Map<string, number>>();
const MAX_REMEMBERED = 200;

/**
 * A number that an operation has by its text and this key, measured once. (Apollo keeps documents it has checked, so the same
 * text is the same operation.) Measuring takes longer than executing where a request looks up exports by id.
 */
function memoizeByOperation(
  operation: OperationDefinitionNode,
  key: string,
  measure: () => number,
): number {
  let known = measures.get(operation);
  if (known === undefined) measures.set(operation, (known = new Map<string, number>()));
  const before = known.get(key);
  if (before !== undefined) return before;
  const measured = measure();
  if (known.size >= MAX_REMEMBERED) known.clear();
  known.set(key, measured);
  return measured;
}

/** All of the variables that a cost can depend on: numbers, switches, how long lists are, and what is null or left out. */
function costCacheKey(
  definitions: readonly VariableDefinitionNode[],
  variables: Readonly<Record<string, unknown>>,
): string {
  return definitions
    .map(({ variable }) => {
      const value = variables[variable.name.value];
      if (Array.isArray(value)) return `[${value.length}]`;
      return typeof value === 'string' || (typeof value === 'object' && value !== null)
        ? typeof value
        : String(value);
    })
    .join();
}

/** Throws a GraphQLError when an argument cannot be what its variable makes it. */
function costOf({
  schema,
  document,
  operationName,
  variables,
}: {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName: string | null;
  variables: Record<string, unknown>;
}): number {
  try {
    return getComplexity({
      schema,
      query: document,
      ...(operationName !== null && { operationName }),
      variables,
      estimators: [
        fieldExtensionsEstimator(),
        introspectionListEstimator,
        simpleEstimator({ defaultComplexity: 1 }),
      ],
    });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw badUserInput(error);
  }
}

/**
 * The lists of an introspection (types, their fields, their arguments) say nowhere what they cost, and stand inside each other.
 * Five times their selection is about what they hold, and lets GraphiQL's own introspection through.
 */
function introspectionListEstimator({
  type,
  field,
  childComplexity,
}: complexity.ComplexityEstimatorArgs): ReturnType<complexity.ComplexityEstimator> {
  if (!type.name.startsWith('__') || !isListType(getNullableType(field.type))) return;
  return 1 + 5 * childComplexity;
}

function badUserInput({ message, nodes }: GraphQLError): GraphQLError {
  const extensions = { code: 'BAD_USER_INPUT', http: { status: 400 } };
  return new GraphQLError(message, { nodes: nodes ?? null, extensions });
}

/** What formatError knows the errors of `maxNestingRule` by. */
export const NESTED_TOO_DEEPLY = 'NESTED_TOO_DEEPLY';

/**
 * Refuses a document in which braces stand too deep within braces. Other rules recurse into them until the stack ends, so they
 * get an empty document in its place.
 */
export function maxNestingRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      if (nestingOf(document) <= limits.nesting) return undefined;
      const message = `The query has braces within braces more than ${limits.nesting} times.`;
      const extensions = { validationErrorCode: NESTED_TOO_DEEPLY };
      context.reportError(new GraphQLError(message, { extensions }));
      return { ...document, definitions: [] };
    },
  };
}

function nestingOf(document: DocumentNode): number {
  let nesting = 0;
  let deepest = 0;
  visit(document, {
    SelectionSet: {
      enter() {
        nesting += 1;
        deepest = Math.max(deepest, nesting);
      },
      leave() {
        nesting -= 1;
      },
    },
  });
  return deepest;
}

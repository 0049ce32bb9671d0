import type { ApolloServerPlugin } from '@apollo/server';
import {
  valueFromASTUntyped,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';

import { toError } from '../errors.js';
import type { Context } from './context.js';
import type { FormatError } from './format-error.js';
import { toGraphQLResponse, type RawResult } from './graphql-response.js';
import { isJitEligible } from './jit-eligibility.js';
import { fieldCount } from './selections.js';

type CompiledOperation = (context: Context, variables: object) => Promise<RawResult> | RawResult;

/** Compiling a larger document would take as long as hundreds of executions. */
export const MAX_COMPILED_FIELDS = 500;

/**
 * Compiles an operation with graphql-jit at its second use, because many operations run only once.
 * First uses, large documents and ineligible ones run in Apollo Server.
 */
export function jitExecution(
  schema: GraphQLSchema,
  formatError: FormatError,
): ApolloServerPlugin<Context> {
  // Apollo's document cache returns the same objects for a repeated text, so its size also bounds
  // the memory of compiled operations.
  const used = new WeakSet<OperationDefinitionNode>();
  const compilations = new WeakMap<OperationDefinitionNode, CompiledOperation | null>();

  /** Returns the compiled operation; null when it must run in Apollo Server. */
  function findCompiled(operation: OperationDefinitionNode | undefined, document: DocumentNode) {
    // Contrary to its types, Apollo may pass no operation. It responds with an error next.
    if (operation === undefined) return null;
    const cached = compilations.get(operation);
    if (cached !== undefined) return cached;
    if (!used.has(operation)) {
      used.add(operation);
      return null;
    }
    const isSmall = fieldCount(document) <= MAX_COMPILED_FIELDS;
    const isEligible = isSmall && isJitEligible(document, schema);
    const compiled = isEligible ? compile(schema, document, operation) : null;
    compilations.set(operation, compiled);
    return compiled;
  }

  return {
    requestDidStart: async () => ({
      async responseForOperation({ document, operation, request, contextValue }) {
        const compiled = findCompiled(operation, document);
        if (compiled === null) return null;
        let result: RawResult;
        try {
          result = await compiled(contextValue, request.variables ?? {});
        } catch (thrown) {
          result = { errors: [toError(thrown)] };
        }
        return toGraphQLResponse(result, { formatError, requestId: contextValue.requestId });
      },
    }),
  };
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): CompiledOperation | null {
  const compiled = compileQuery(schema, document, operation.name?.value);
  if (!isCompiledQuery(compiled)) return null;
  // graphql-jit ignores the default of a non-null variable.
  const defaults = Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  ) as object;
  return (context, variables) => {
    // Without a prototype, because graphql-jit would read inherited members as variables.
    const empty = Object.create(null) as object;
    return compiled.query(undefined, context, Object.assign(empty, defaults, variables));
  };
}

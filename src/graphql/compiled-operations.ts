import {
  valueFromASTUntyped,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';

import { toError } from '../errors.js';
import type { Context } from './context.js';
import type { RawResult } from './graphql-response.js';
import { isJitEligible } from './jit-eligibility.js';
import { fieldCount } from './selections.js';

/** Never rejects: what execution throws is an error of the result. */
export type CompiledOperation = (
  context: Context,
  variables: Readonly<Record<string, unknown>>,
) => Promise<RawResult>;

/** Compiling a larger document would take as long as hundreds of executions. */
export const MAX_COMPILED_FIELDS = 500;

/**
 * Operations that graphql-jit has compiled, each at its second use, because many operations run only
 * once. First uses, large documents and ineligible ones run in Apollo Server.
 */
export class CompiledOperations {
  // The document store returns the same objects for a repeated text, so its size also bounds the
  // memory of compiled operations.
  readonly #used = new WeakSet<OperationDefinitionNode>();
  readonly #compiled = new WeakMap<OperationDefinitionNode, CompiledOperation | null>();

  constructor(private readonly schema: GraphQLSchema) {}

  /** Returns null for an operation that is not compiled. */
  get(operation: OperationDefinitionNode): CompiledOperation | null {
    return this.#compiled.get(operation) ?? null;
  }

  /** Counts a use, and compiles the operation at the second. Returns null where Apollo must run it. */
  use(operation: OperationDefinitionNode, document: DocumentNode): CompiledOperation | null {
    const known = this.#compiled.get(operation);
    if (known !== undefined) return known;
    if (!this.#used.has(operation)) {
      this.#used.add(operation);
      return null;
    }
    const isSmall = fieldCount(document) <= MAX_COMPILED_FIELDS;
    const isEligible = isSmall && isJitEligible(document, this.schema);
    const compiled = isEligible ? compile(this.schema, document, operation) : null;
    this.#compiled.set(operation, compiled);
    return compiled;
  }
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
  return async (context, variables) => {
    // Without a prototype, because graphql-jit would read inherited members as variables.
    const empty = Object.create(null) as object;
    try {
      return await compiled.query(undefined, context, Object.assign(empty, defaults, variables));
    } catch (thrown) {
      return { errors: [toError(thrown)] };
    }
  };
}

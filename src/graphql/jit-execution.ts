import {
  HeaderMap,
  type ApolloServerOptions,
  type ApolloServerPlugin,
  type GraphQLResponse,
} from '@apollo/server';
import {
  execute,
  getOperationAST,
  GraphQLError,
  valueFromASTUntyped,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';

import { bytesOf } from './caches.js';
import { createJitEligibility, fieldCount, MAX_FIELDS } from './jit-eligibility.js';
import type { Context } from './context.js';

/** The two options of Apollo Server by which documents are executed. They belong together. */
export interface JitExecution {
  readonly gateway: NonNullable<ApolloServerOptions<Context>['gateway']>;
  readonly plugin: ApolloServerPlugin<Context>;
}

/**
 * Executes documents of the schema: the first time as graphql-js does, and when a document comes again, compiled to a function,
 * which takes a third of the time on a list. (Apollo keeps the documents it has checked, so the same text is the same document.) One that
 * comes once is not worth compiling. Nor is a large one: that takes as long as hundreds of its answers, and much memory.
 *
 * The plugin answers with what a compiled document gives, before Apollo would build what it tells a gateway of: that cost a third of
 * a look-up. All else is left to the gateway, the option by which Apollo lets others execute: documents that are not compiled,
 * and results with errors, which Apollo forms only there.
 */
export function jitExecution(schema: GraphQLSchema): JitExecution {
  const compiledOnSecondUse = compiler(schema);
  /** What Apollo is to hear as the result, of the requests with these contexts. */
  const failed = new WeakMap<object, () => ExecutionResult>();
  return {
    plugin: {
      async requestDidStart() {
        return {
          async responseForOperation({ document, request, contextValue }) {
            const compiled = compiledOnSecondUse(document, request.operationName);
            if (compiled === null) return null;
            try {
              const result = await compiled(contextValue, request.variables ?? {});
              const { data = null, errors } = result;
              if (errors === undefined) return toGraphQLResponse(data);
              failed.set(contextValue, () => ({ ...result, errors: errors.map(toGraphQLError) }));
            } catch (error) {
              // Thrown there, it is logged with its request, and answered like every other defect.
              failed.set(contextValue, () => {
                throw error;
              });
            }
            return null;
          },
        };
      },
    },
    gateway: {
      async load() {
        return {
          async executor({ document, request, context }) {
            return (
              failed.get(context)?.() ??
              execute({
                schema,
                document,
                contextValue: context,
                variableValues: request.variables ?? null,
                operationName: request.operationName ?? null,
              })
            );
          },
        };
      },
      onSchemaLoadOrUpdate(callback) {
        callback({ apiSchema: schema, coreSupergraphSdl: '' });
        return () => undefined;
      },
      async stop() {},
    },
  };
}

/** An answer without errors, that has nothing to say in HTTP. */
function toGraphQLResponse(data: Record<string, unknown> | null): GraphQLResponse {
  return {
    http: { headers: new HeaderMap() },
    body: { kind: 'single', singleResult: { data } },
  };
}

type Compiled = (context: unknown, variables: object) => Promise<ExecutionResult> | ExecutionResult;

/** How many fields, with fragments written out, compiled documents may have in all. */
const MAX_COMPILED_FIELDS = 20_000;
/** What a compiled field takes. */
const FIELD_BYTES = 2_000;

/** Gives what an operation was compiled to; null for the first time that its document comes, and where it is not one to compile. */
function compiler(
  schema: GraphQLSchema,
): (document: DocumentNode, operationName: string | undefined) => Compiled | null {
  const isJitEligible = createJitEligibility(schema);
  /** How many fields a document has that came before: 0 where graphql-js executes it, null while it has come but once. */
  const sizes = new WeakMap<DocumentNode, number | null>();
  const compilations = new LRUCache<OperationDefinitionNode, Compiled>({
    maxSize: MAX_COMPILED_FIELDS,
  });
  return (document, operationName) => {
    let size = sizes.get(document);
    if (size === undefined) {
      sizes.set(document, null);
      return null;
    }
    if (size === null) {
      const fields = fieldCount(document);
      size = fields <= MAX_FIELDS && isJitEligible(document) ? fields : 0;
      sizes.set(document, size);
    }
    // The compiler takes an empty name for none.
    const operation = getOperationAST(document, operationName);
    if (size === 0 || operation == null) return null;
    const known = compilations.get(operation);
    if (known !== undefined) return known;
    const compiled = compile(schema, document, operation);
    if (compiled === null) sizes.set(document, 0);
    else {
      // Its operations keep the whole document.
      const kept = Math.ceil(bytesOf(document) / FIELD_BYTES);
      compilations.set(operation, compiled, { size: size + kept });
    }
    return compiled;
  };
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Compiled | null {
  const compiled = compileQuery(schema, document, operation.name?.value);
  if (!isCompiledQuery(compiled)) return null;
  // The compiler misses a variable that may not be null and has a default.
  const defaults = defaultsOf(operation);
  return (context, variables) => {
    // Without a prototype, or a variable named like something in it would seem to be given.
    const none = Object.create(null) as object;
    return compiled.query(undefined, context, Object.assign(none, defaults, variables));
  };
}

/** The values that the variables of an operation have when a request leaves them out, as a request would give them. */
function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): object {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }): [string, unknown][] =>
      defaultValue === undefined ? [] : [[variable.name.value, valueFromASTUntyped(defaultValue)]],
    ),
  );
}

/** A compiled query gives errors that only look like those of graphql-js, and that Apollo would not know. */
function toGraphQLError({ message, path, locations, originalError }: GraphQLError): GraphQLError {
  const whole = new GraphQLError(message, {
    path: path ?? null,
    originalError: originalError ?? null,
  });
  return Object.assign(whole, { locations });
}

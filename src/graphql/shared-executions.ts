import type { OperationDefinitionNode } from 'graphql';

import type { Viewer } from '../auth/viewer.js';
import type { CompiledOperation } from './compiled-operations.js';
import type { Context } from './context.js';
import { toResponseText, type RawResult } from './graphql-response.js';

interface Requested {
  readonly context: Context;
  readonly variables: Parameters<CompiledOperation>[1];
  readonly execute: () => Promise<RawResult>;
}

interface Executed {
  readonly result: RawResult;
  /**
   * The response. Bytes for several requests, because each write of a text would encode it again.
   * Null for a result with errors, which name their request in the log.
   */
  readonly body: string | Buffer | null;
}

interface Execution {
  readonly context: Context;
  isShared: boolean;
  readonly executed: Promise<Executed>;
}

/** A property that is added to viewers must become a part of the key. */
type Rights = Omit<Viewer, 'id' | 'expiresAt' | 'revalidate'>;

/**
 * Equal requests share one execution and its JSON, as their queries share a run: those of the same
 * operation, variables, rights and second that arrive before its first query starts. So a response
 * is never older than its request.
 */
export class SharedExecutions {
  /** Those that later requests may share, by operation and key. */
  readonly #executions = new WeakMap<OperationDefinitionNode, Map<string, Execution>>();

  async run(operation: OperationDefinitionNode, request: Requested): Promise<Executed> {
    const key = keyOf(operation, request);
    const { context } = request;
    const found = this.#executions.get(operation)?.get(key);
    if (found === undefined || found.context.queries.haveStarted) {
      return this.#start(operation, key, request);
    }
    found.isShared = true;
    found.context.queries.shareWith(context.queries);
    const executed = await found.executed;
    context.links.discloseAgain(found.context.links);
    return executed;
  }

  async #start(
    operation: OperationDefinitionNode,
    key: string,
    { context, execute }: Requested,
  ): Promise<Executed> {
    const remove = () => {
      this.#remove(operation, key, execution);
    };
    context.queries.onFirst = remove;
    const executed = execute().then((result) => toExecuted(result, execution.isShared));
    const execution: Execution = { context, executed, isShared: false };
    this.#add(operation, key, execution);
    try {
      return await executed;
    } finally {
      remove();
    }
  }

  #add(operation: OperationDefinitionNode, key: string, execution: Execution): void {
    const executions = this.#executions.get(operation);
    if (executions === undefined) this.#executions.set(operation, new Map([[key, execution]]));
    else executions.set(key, execution);
  }

  #remove(operation: OperationDefinitionNode, key: string, execution: Execution): void {
    const executions = this.#executions.get(operation);
    if (executions?.get(key) !== execution) return;
    executions.delete(key);
    // Its old tables would keep executions in memory, as in-flight.ts says.
    if (executions.size === 0) this.#executions.delete(operation);
  }
}

function toExecuted(result: RawResult, isShared: boolean): Executed {
  if (result.errors !== undefined) return { result, body: null };
  const text = toResponseText({ data: result.data ?? null });
  return { result, body: isShared ? Buffer.from(text) : text };
}

/** All that a response depends on, except what the database holds. */
function keyOf(
  { variableDefinitions = [] }: OperationDefinitionNode,
  { context: { viewer, now }, variables }: Requested,
): string {
  const { organization, onlyRequestedBy, requester, canReadFiles } = viewer;
  const rights: Rights = { organization, onlyRequestedBy, requester, canReadFiles };
  let key = `${now.getTime()} ${rights.canReadFiles}`;
  for (const text of [organization, rights.onlyRequestedBy, requester]) key += part(text);
  for (const { variable } of variableDefinitions) key += part(variables[variable.name.value]);
  return key;
}

/** Shows the type and the end of a value, so that equal keys have equal parts. */
function part(value: unknown): string {
  return typeof value === 'string' ? ` "${value.length} ${value}` : ` ${JSON.stringify(value)}`;
}

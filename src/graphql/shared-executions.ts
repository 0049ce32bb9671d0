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

class Execution {
  readonly context: Context;
  readonly executed: Promise<Executed>;
  isShared = false;

  constructor({ context, execute }: Requested) {
    this.context = context;
    this.executed = execute().then((result) => toExecuted(result, this.isShared));
  }
}

/** A property that is added to viewers must become a part of the key. */
type Rights = Omit<Viewer, 'id' | 'expiresAt' | 'revalidate'>;

/**
 * Equal requests share one execution and its JSON, as their queries share a run: those of the same
 * operation, variables, rights and second that arrive before its first query starts. So a response
 * is never older than its request.
 */
export class SharedExecutions {
  /** Those whose queries have not started, by operation and key. */
  readonly #executions = new WeakMap<OperationDefinitionNode, Map<string, Execution>>();

  async run(operation: OperationDefinitionNode, request: Requested): Promise<Executed> {
    const key = keyOf(operation, request);
    const { queries, links } = request.context;
    const found = this.#executions.get(operation)?.get(key);
    // One that all clients have left runs no more queries.
    if (found === undefined || found.context.queries.isAbandoned) {
      return this.#start(operation, key, request);
    }
    found.isShared = true;
    found.context.queries.shareWith(queries);
    const executed = await found.executed;
    links.discloseAgain(found.context.links);
    return executed;
  }

  async #start(
    operation: OperationDefinitionNode,
    key: string,
    request: Requested,
  ): Promise<Executed> {
    const { queries } = request.context;
    const execution = new Execution(request);
    const remove = () => {
      this.#remove(operation, key, execution);
    };
    if (!queries.haveStarted) {
      queries.onFirst = remove;
      this.#add(operation, key, execution);
    }
    try {
      return await execution.executed;
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
  let key = String(now.getTime());
  for (const right of Object.values(rights)) key += part(right);
  for (const { variable } of variableDefinitions) key += part(variables[variable.name.value]);
  return key;
}

/** Shows the type and the end of a value, so that equal keys have equal parts. */
function part(value: unknown): string {
  return typeof value === 'string' ? ` "${value.length} ${value}` : ` ${JSON.stringify(value)}`;
}

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
   * The response, as bytes, because each write of a long text would encode it again. Null for a
   * result with errors, which name their request in the log.
   */
  readonly body: Buffer | null;
}

interface Execution {
  readonly context: Context;
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
  /** By operation and key, the last of those that have not ended. */
  readonly #executions = new WeakMap<OperationDefinitionNode, Map<string, Execution>>();

  async run(operation: OperationDefinitionNode, request: Requested): Promise<Executed> {
    let executions = this.#executions.get(operation);
    if (executions === undefined) {
      executions = new Map<string, Execution>();
      this.#executions.set(operation, executions);
    }
    const key = keyOf(request);
    const { context } = request;
    const found = executions.get(key);
    if (found === undefined || found.context.queries.haveStarted) {
      return this.#start(executions, key, request);
    }
    found.context.queries.shareWith(context.queries);
    const executed = await found.executed;
    context.links.discloseAgain(found.context.links);
    return executed;
  }

  async #start(
    executions: Map<string, Execution>,
    key: string,
    { context, execute }: Requested,
  ): Promise<Executed> {
    const execution = { context, executed: execute().then(toExecuted) };
    executions.set(key, execution);
    try {
      return await execution.executed;
    } finally {
      if (executions.get(key) === execution) executions.delete(key);
    }
  }
}

function toExecuted(result: RawResult): Executed {
  if (result.errors !== undefined) return { result, body: null };
  return { result, body: Buffer.from(toResponseText({ data: result.data ?? null })) };
}

/** All that a response depends on, except what the database holds. */
function keyOf({ context: { viewer, now }, variables }: Requested): string {
  const { organization, onlyRequestedBy, requester, canReadFiles } = viewer;
  const rights: Rights = { organization, onlyRequestedBy, requester, canReadFiles };
  return JSON.stringify([rights, now.getTime(), variables]);
}

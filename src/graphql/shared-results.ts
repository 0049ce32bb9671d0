import type { OperationDefinitionNode } from 'graphql';

import type { Viewer } from '../auth/viewer.js';
import type { ExportRow } from '../exports/export.js';
import type { EventResult } from './result-stream.js';

/** Rows live as long as subscriptions, and their results must not. */
const KEPT_MS = 1_000;

type Shared = Promise<EventResult | undefined>;

/**
 * The results of events, by the state of the export and by what else they depend on: the operation,
 * its variables, the right to links, the scope, and the second. The scope, because an export may
 * leave it before its files are read.
 */
export class SharedResults {
  #results = new WeakMap<ExportRow, Map<string, Shared>>();
  #second = 0;
  readonly #numbers = new WeakMap<OperationDefinitionNode, number>();
  #operations = 0;

  /** Operations with the same text are the same object while the document store keeps them. */
  keyOf(
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>>,
    { canReadFiles, onlyRequestedBy }: Viewer,
  ): string {
    let number = this.#numbers.get(operation);
    if (number === undefined) this.#numbers.set(operation, (number = this.#operations++));
    return JSON.stringify([number, canReadFiles, onlyRequestedBy, variables]);
  }

  /** `execute` resolves to undefined where nothing can be shared. */
  get(row: ExportRow | null, key: string, execute: () => Shared): Shared {
    if (row === null) return execute();
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#results = new WeakMap();
      setTimeout(() => {
        if (this.#second === second) this.#results = new WeakMap();
      }, KEPT_MS).unref();
    }
    let results = this.#results.get(row);
    if (results === undefined) this.#results.set(row, (results = new Map<string, Shared>()));
    const known = results.get(key);
    if (known !== undefined) return known;
    const added = execute().then((result) => {
      if (result === undefined || result.isUnavailable) results.delete(key);
      return result;
    });
    results.set(key, added);
    return added;
  }
}

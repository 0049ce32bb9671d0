import type { DataSource } from 'typeorm';

import { toError } from '../errors.js';
import type { Logger } from '../logger.js';
import { errorNumber } from './mysql-errors.js';

/** How long statements go without an index before one tries whether it is there again. */
export const RETRY_MS = 60_000;

/** Of MySQL and SQLite. No value can contain one: literals have neither parentheses nor quotes. */
const HINT = / (?:FORCE INDEX \((\w+)\)|INDEXED BY "(\w+)")/;
const EVERY_HINT = new RegExp(HINT, 'g');

/** The statements that create the indexes of a table, by the indexes' names. */
export function createIndexStatements(
  { entityMetadatas }: DataSource,
  table: string,
): ReadonlyMap<string, string> {
  const { indices = [] } = entityMetadatas.find(({ tableName }) => tableName === table) ?? {};
  return new Map(
    indices.map(({ name, columns }) => {
      const names = columns.map(({ databaseName }) => databaseName).join(', ');
      return [name, `CREATE INDEX ${name} ON ${table} (${names})`];
    }),
  );
}

/**
 * Makes the hints of statements advice: a server that lacks an index, or may not use it, runs them
 * without the hint, which is slower. After a minute one statement tries the hint again.
 */
export class MissingIndexes {
  /** When a statement may try an index again, by its name. */
  readonly #retryAt = new Map<string, number>();

  /** `statements` creates the indexes, by name. `server` is for the log. */
  constructor(
    private readonly statements: ReadonlyMap<string, string>,
    private readonly server: string,
    private readonly logger: Logger,
  ) {}

  /** How many indexes statements would use, as far as the server has said that it lacks them. */
  get size(): number {
    return this.#retryAt.size;
  }

  /** Logs the statements that create those indexes that were not missing before. */
  add(names: readonly string[]): void {
    const added = names.filter((name) => !this.#retryAt.has(name));
    for (const name of names) this.#retryAt.set(name, performance.now() + RETRY_MS);
    if (added.length === 0) return;
    const ddl = added.map((name) => this.statements.get(name) ?? name).join('; ');
    const advice = `Run ${ddl}. The gateway uses an index again within a minute.`;
    this.logger.warn(`Lists are slow: ${this.server} has indexes missing or disabled. ${advice}`);
  }

  /** Returns the statement as the server can run it. */
  apply(sql: string): string {
    if (this.#retryAt.size === 0) return sql;
    const name = hintedIndex(sql);
    const retryAt = name === undefined ? undefined : this.#retryAt.get(name);
    if (name === undefined || retryAt === undefined) return sql;
    const now = performance.now();
    if (now < retryAt) return withoutHint(sql);
    this.#retryAt.set(name, now + RETRY_MS);
    return sql;
  }

  /** For a statement that has run as `apply` returned it: the server has the index again. */
  onSuccess(sql: string): void {
    if (this.#retryAt.size === 0) return;
    const name = hintedIndex(sql);
    if (name !== undefined) this.remove([name]);
  }

  /** For indexes that the server has, also where no statement tries them. */
  remove(names: Iterable<string>): void {
    for (const name of names) {
      if (!this.#retryAt.delete(name)) continue;
      this.logger.info(`${this.server} has the index ${name} again.`);
    }
  }

  /** Returns the statement to run instead of one that failed for want of an index. */
  onError(sql: string, error: unknown): string | undefined {
    const name = hintedIndex(sql);
    if (name === undefined || !isMissingIndex(error)) return undefined;
    this.add([name]);
    return withoutHint(sql);
  }
}

/** A statement may read a table several times, but through one index. */
function hintedIndex(sql: string): string | undefined {
  const [, forced, indexed] = HINT.exec(sql) ?? [];
  return forced ?? indexed;
}

function withoutHint(sql: string): string {
  return sql.replaceAll(EVERY_HINT, '');
}

/** MySQL's ER_KEY_DOES_NOT_EXITS, which also stands for an invisible index, or SQLite's message. */
function isMissingIndex(error: unknown): boolean {
  return errorNumber(error) === 1176 || toError(error).message.includes('no such index');
}

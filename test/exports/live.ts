import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { pino } from 'pino';

import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { parseSqlDateTime } from '../../src/database/sql-datetime.js';
import type { SqlValue } from '../../src/database/sql-format.js';
import { entities } from '../../src/entities.js';
import { ChangeFeed, type CompletedPoll } from '../../src/exports/change-feed.js';
import type { ExportFilter } from '../../src/exports/export-args.js';
import { normalizeExportFilter } from '../../src/exports/export-filter.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { Export, ExportStatus, type ExportRow } from '../../src/exports/export.js';
import { LiveExports, type PendingExports } from '../../src/exports/live-exports.js';
import { createTestDataSource } from '../support/data-source.js';
import type { Engine, EngineDatabase } from '../support/engines.js';
import { clearRows, exportId, exportRow, insertRows } from '../support/rows.js';
import { until } from '../support/until.js';

type Intercept = (sql: string, parameters: readonly SqlValue[]) => Promise<void> | void;

export type Live = Awaited<ReturnType<typeof openLive>> & ReturnType<typeof startLive>;

/** For each test, a change feed on a database of the enclosing `describe`, without rows at first. */
export function useLive(engine: Engine, { intervalMs = 20 } = {}): Live {
  const live = {} as Live;
  let database: EngineDatabase | undefined;
  beforeAll(async () => {
    database = await engine.provide();
    Object.assign(live, await openLive(database));
  });
  beforeEach(() => {
    Object.assign(live, startLive(live, intervalMs));
  });
  afterEach(async () => {
    live.stop();
    await clearRows(live.source);
  });
  afterAll(async () => {
    await live.database.close();
    await live.source.destroy();
    await database?.dispose();
  });
  return live;
}

async function openLive({ config, owner }: Pick<EngineDatabase, 'config' | 'owner'>) {
  const source = await createTestDataSource(owner ?? config);
  await source.initialize();
  await source.runMigrations();
  const log: Record<string, unknown>[] = [];
  const write = (line: string) => log.push(JSON.parse(line) as Record<string, unknown>);
  const logger = pino({ level: 'info' }, { write });
  return { source, log, logger, database: await openDatabase(config, { entities, logger }) };
}

function startLive(
  { source, logger, database }: Awaited<ReturnType<typeof openLive>>,
  intervalMs: number,
) {
  const statements: string[] = [];
  let intercept: Intercept = () => undefined;
  const observed: Database = {
    ...database,
    async query(sql, parameters = [], origin) {
      statements.push(sql);
      await intercept(sql, parameters);
      return database.query(sql, parameters, origin);
    },
  };
  const invalid: unknown[] = [];
  const repository = new ExportRepository(observed, (row) => invalid.push(row));
  const polls: CompletedPoll[] = [];
  const onPolled = (poll: CompletedPoll) => polls.push(poll);
  const feed = new ChangeFeed(repository, { intervalMs, logger, onPolled });
  const exports = new LiveExports(repository, feed);
  const subscriptions: PendingExports[] = [];

  /** Collects what a subscription emits. */
  function collect(pending: PendingExports) {
    subscriptions.push(pending);
    const rows: (ExportRow | null)[] = [];
    const ended = (async () => {
      for await (const row of pending) rows.push(row);
    })();
    return {
      ...{ rows, ended, pending },
      names: () => rows.map((row) => row?.name ?? null),
      /** Resolves when so many states have been emitted. */
      emitted: (count: number) => until(() => (rows.length >= count ? rows : undefined)),
    };
  }

  /** A time so many seconds before the database's. */
  async function ago(seconds: number): Promise<Date> {
    const [row] = await database.query<{ now: string }>(`SELECT ${database.currentTimeSql} AS now`);
    return new Date(parseSqlDateTime(row?.now ?? '').getTime() - seconds * 1_000);
  }

  return {
    ...{ feed, exports, statements, polls, invalid, ago },
    /** Runs before each statement of the feed; what it throws fails the statement. */
    beforeStatements(run: Intercept) {
      intercept = run;
    },
    /** Inserts a running export of this name that changed so many seconds ago. */
    async insert(index: number, name: string, secondsAgo = 0, changes: Partial<Export> = {}) {
      const updatedAt = await ago(secondsAgo);
      const defaults = { status: ExportStatus.PROCESSING, name, updatedAt };
      await insertRows(source, { exports: [exportRow(index, { ...defaults, ...changes })] });
    },
    /** Changes an export, as of so many seconds ago. */
    async update(index: number, changes: Partial<Export>, secondsAgo = 0) {
      const updatedAt = await ago(secondsAgo);
      await source.getRepository(Export).update({ id: exportId(index) }, { updatedAt, ...changes });
    },
    async follow(index: number, requester: string | null = null, organization = 'org_demo') {
      const scope = { organization, onlyRequestedBy: requester };
      return collect(await exports.followOne({ ...scope, isAbandoned: false }, exportId(index)));
    },
    followAll(
      filter: ExportFilter = {},
      requester: string | null = null,
      organization = 'org_demo',
    ) {
      const scope = { organization, onlyRequestedBy: requester };
      return collect(exports.followList(scope, normalizeExportFilter(filter)));
    },
    /** Resolves when so many more polls have ended, the last of which began after the call. */
    async polled(count = 2) {
      const from = polls.length;
      await until(() => (polls.length >= from + count ? true : undefined));
    },
    stop() {
      for (const each of subscriptions) each.close();
      exports.close();
    },
  };
}

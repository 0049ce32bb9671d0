import { afterEach, beforeEach } from '@jest/globals';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';

import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { parseSqlDateTime } from '../../src/database/sql-datetime.js';
import { entities } from '../../src/entities.js';
import { ChangeFeed, type CompletedPoll } from '../../src/exports/change-feed.js';
import { normalizeExportFilter } from '../../src/exports/export-filter.js';
import type { ExportFilter } from '../../src/exports/export-args.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { ExportStatus, type Export, type ExportRow } from '../../src/exports/export.js';
import { LiveExports, type PendingExports } from '../../src/exports/live-exports.js';
import { createTestDataSource } from '../support/data-source.js';
import type { Engine, EngineDatabase } from '../support/engines.js';
import { exportRow, insertRows } from '../support/rows.js';
import { until } from '../support/until.js';

const INTERVAL_MS = 20;

export type Live = Awaited<ReturnType<typeof startLive>>;

/** A change feed on a database of its own, with its tables, for each test. */
export function useLive(engine: Engine): Live {
  const live = {} as Live;
  let database: EngineDatabase | undefined;
  beforeEach(async () => {
    database = await engine.provide();
    Object.assign(live, await startLive(database));
  });
  afterEach(async () => {
    await live.stop();
    await database?.dispose();
  });
  return live;
}

export async function startLive({
  config,
  owner,
  prepare,
}: Pick<EngineDatabase, 'config' | 'owner'> & {
  prepare?: (source: DataSource) => Promise<unknown>;
}) {
  const source = await createTestDataSource(owner ?? config);
  await source.initialize();
  await source.runMigrations();
  await prepare?.(source);
  const log: Record<string, unknown>[] = [];
  const write = (line: string) => log.push(JSON.parse(line) as Record<string, unknown>);
  const logger = pino({ level: 'info' }, { write });
  const opened = await openDatabase(config, { entities, logger });
  const statements: string[] = [];
  const database: Database = {
    ...opened,
    query(sql, parameters, origin) {
      statements.push(sql);
      return opened.query(sql, parameters, origin);
    },
  };
  const invalid: unknown[] = [];
  const repository = new ExportRepository(database, (row) => invalid.push(row));
  const polls: CompletedPoll[] = [];
  const feed = new ChangeFeed(repository, {
    intervalMs: INTERVAL_MS,
    logger,
    onPolled: (poll) => polls.push(poll),
  });
  const live = new LiveExports(repository, feed);
  const subscriptions: PendingExports[] = [];

  /** Collects what a subscription emits. */
  function collect(pending: PendingExports) {
    subscriptions.push(pending);
    const rows: (ExportRow | null)[] = [];
    const ended = (async () => {
      for await (const row of pending) rows.push(row);
    })();
    const emitted = (count: number) => until(() => (rows.length >= count ? rows : undefined));
    return { rows, ended, emitted, pending };
  }

  return {
    ...{ source, feed, live, log, statements, polls, repository, invalid, collect },
    /** A time so many seconds before the database's. */
    async ago(seconds: number): Promise<Date> {
      const now = parseSqlDateTime(await repository.currentTime()).getTime();
      return new Date(now - seconds * 1_000);
    },
    /** Inserts a running export that changed so many seconds ago. */
    async insert(index: number, secondsAgo: number, changes: Partial<Export> = {}) {
      const updatedAt = await this.ago(secondsAgo);
      const status = ExportStatus.PROCESSING;
      await insertRows(source, {
        exports: [exportRow(index, { status, name: 'new', updatedAt, ...changes })],
      });
    },
    /** Changes an export so many seconds ago. */
    async update(index: number, secondsAgo: number, changes: Partial<Export>) {
      const updatedAt = await this.ago(secondsAgo);
      const { id } = exportRow(index);
      await source.getRepository('Export').update({ id }, { updatedAt, ...changes });
    },
    follow: async (id: string, organization = 'org_demo', onlyRequestedBy: string | null = null) =>
      collect(await live.followOne({ organization, onlyRequestedBy, isAbandoned: false }, id)),
    followAll: (filter: ExportFilter = {}, organization = 'org_demo', requester = null) =>
      collect(
        live.followList(
          { organization, onlyRequestedBy: requester },
          normalizeExportFilter(filter),
        ),
      ),
    /** Resolves when this many more polls have ended. */
    polled(count = 2) {
      const from = polls.length;
      return until(() => (polls.length >= from + count ? polls : undefined));
    },
    async stop() {
      for (const each of subscriptions) each.close();
      live.close();
      await opened.close();
      await source.destroy();
    },
  };
}

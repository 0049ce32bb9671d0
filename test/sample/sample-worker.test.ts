import 'reflect-metadata';

import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';

import { readConfig } from '../../src/config/config.js';
import { entities } from '../../src/entities.js';
import { ExportFileKind, ExportFileRow } from '../../src/exports/export-file.js';
import { Export, ExportStatus } from '../../src/exports/export.js';
import { isSampleId, sampleId } from '../../src/sample/random.js';
import { SampleWorker } from '../../src/sample/sample-worker.js';
import { seedSamples } from '../../src/sample/seed.js';
import { WorkerRepository } from '../../src/sample/worker-repository.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { createTestDataSource } from '../support/data-source.js';
import { embedded, type EngineDatabase } from '../support/engines.js';
import { exportRow, insertRows } from '../support/rows.js';

const { COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT } = ExportStatus;

it('the id of a sample is told from every other id', () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => sampleId(`any/${index}`));
  expect(ids.filter((id) => !isSampleId(id) || !/^exp_[1-9A-HJ-NP-Za-km-z]{22}$/.test(id))).toEqual(
    [],
  );
  const others = ids.flatMap((id) => [
    ...[id.slice(0, -1), `${id}1`, id.replace('exp_', 'EXP_'), id.slice(4)],
    `exp_${id.slice(15)}${id.slice(4, 15)}`,
  ]);
  expect([...others, '', 'exp_', '42', exportRow(0).id].filter(isSampleId)).toEqual([]);
});

describe('the demo worker', () => {
  let database: EngineDatabase;
  let source: DataSource;
  let folder: string;
  let workers: SampleWorker[];
  let log: string[];

  beforeEach(async () => {
    database = await embedded.provide();
    source = await createTestDataSource(database.config);
    await source.initialize();
    await source.runMigrations();
    folder = await mkdtemp(join(tmpdir(), 'sample-worker-test-'));
    [workers, log] = [[], []];
  });
  afterEach(async () => {
    for (const worker of workers) await worker.close();
    await source.destroy();
    await database.dispose();
    await rm(folder, { recursive: true });
  });

  const write = (line: string) => log.push((JSON.parse(line) as { msg: string }).msg);
  const logger = pino({}, { write });
  const storageIn = (path: string) =>
    openStorage(readConfig({ FILES_URL: `file:${path}` }).files, { logger });

  async function createWorker({
    files = folder,
    ...options
  }: { files?: string; maxAdded?: number } = {}): Promise<SampleWorker> {
    const open = () => WorkerRepository.open(database.config, entities);
    const worker = new SampleWorker({ open, logger, storage: await storageIn(files), ...options });
    workers.push(worker);
    return worker;
  }

  /** Adds samples, the first 30 of which have each resource in each status. No worker is at work. */
  async function seed(exports = 30): Promise<void> {
    const now = new Date(Date.now() - 3_600_000);
    await seedSamples(source, { storage: await storageIn(folder), exports, seed: 'any', now });
  }

  const rows = () => source.getRepository(Export).find({ order: { id: 'ASC' } });
  const files = () => source.getRepository(ExportFileRow).find();
  const isActive = ({ status }: Export) => status === QUEUED || status === PROCESSING;

  /** Steps in turn until the active exports have ended. Returns the states of each, in order. */
  async function runToTheEnd(...stepping: SampleWorker[]): Promise<Export[][]> {
    const histories = new Map((await rows()).filter(isActive).map((row) => [row.id, [row]]));
    for (let step = 0; step < 2_000; step += 1) {
      await stepping[step % stepping.length]?.step();
      const current = (await rows()).filter(({ id }) => histories.has(id));
      for (const row of current) {
        const history = histories.get(row.id) ?? [];
        if (JSON.stringify(history.at(-1)) !== JSON.stringify(row)) history.push(row);
      }
      if (!current.some(isActive)) return [...histories.values()];
    }
    throw new Error('Some exports do not end');
  }

  /** Expects what front ends may rely on, and that no claim was taken from another worker. */
  async function expectOrderly(histories: readonly (readonly Export[])[]): Promise<void> {
    const stored = await files();
    for (const history of histories) {
      const statuses = history.map(({ status }) => status);
      expect(String(statuses.filter((status, at) => status !== statuses[at - 1]))).toMatch(
        /^(processing,)?queued,processing,(completed|failed|timed_out)$/,
      );
      const times = history.map(({ updatedAt }) => Number(updatedAt));
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      const run = history.slice(history.findLastIndex(({ status }) => status === QUEUED) + 1);
      const counts = run.map(({ countProcessed }) => countProcessed);
      expect(counts).toEqual([0, ...counts.slice(1)].sort((a, b) => a - b));
      const [first, last] = [run[0], run.at(-1)];
      expect(new Set(run.map(({ startedAt }) => Number(startedAt))).size).toBe(1);
      expect(run.every(({ countTotal }) => countTotal === last?.countTotal)).toBe(true);
      expect(run.length).toBeGreaterThan(4);
      const isCompleted = last?.status === COMPLETED;
      expect(last).toEqual({
        ...(first as object),
        ...{ status: last?.status, updatedAt: last?.updatedAt, completedAt: expect.any(Date) },
        countBatches: Math.ceil((last?.countTotal ?? 0) / 50),
        countProcessed: isCompleted ? last.countTotal : last?.countProcessed,
        failureReason: isCompleted ? null : expect.any(String),
        failureCode: isCompleted ? null : expect.stringMatching(/^[A-Z_]+$/),
        expiresAt: isCompleted ? expect.any(Date) : null,
      });
      const own = stored.filter(({ exportId }) => exportId === last?.id);
      expect(own.some(({ kind }) => kind === ExportFileKind.CSV)).toBe(isCompleted);
    }
    for (const { objectKey, sha256 } of stored) {
      expect(hash('sha256', await readFile(join(folder, objectKey)))).toBe(sha256);
    }
  }

  it('leads every sample to its end by the rules of docs/writing-exports.md', async () => {
    await seed(100);
    const before = (await rows()).filter((row) => !isActive(row));
    const histories = await runToTheEnd(await createWorker());
    await expectOrderly(histories);
    const ids = new Set(before.map(({ id }) => id));
    expect((await rows()).filter(({ id }) => ids.has(id))).toEqual(before);
    const ends = new Set(histories.map((history) => history.at(-1)?.status));
    expect(ends).toEqual(new Set([COMPLETED, FAILED, TIMED_OUT]));
    expect(log).toEqual([]);
  });

  it('advances three samples at a time, each at every step', async () => {
    await seed();
    const worker = await createWorker();
    const start = new Date();
    for (let step = 0; step < 12; step += 1) await worker.step();
    const running = async () =>
      (await rows()).filter(({ status, updatedAt }) => status === PROCESSING && updatedAt >= start);
    const before = await running();
    expect(before).toHaveLength(3);
    await worker.step();
    const after = new Map((await running()).map((row) => [row.id, row]));
    for (const { id, updatedAt } of before) {
      expect(Number(after.get(id)?.updatedAt)).toBeGreaterThan(Number(updatedAt));
    }
  });

  it('shares the samples with the worker of another gateway', async () => {
    await seed();
    const histories = await runToTheEnd(await createWorker(), await createWorker());
    await expectOrderly(histories);
    expect(log).toEqual([]);
  });

  it('goes on where another worker has stopped', async () => {
    await seed();
    const other = await createWorker();
    for (let step = 0; step < 15; step += 1) await other.step();
    await other.close();
    await source.query("UPDATE exports SET updated_at = '2026-01-01 00:00:00.000'");
    await expectOrderly(await runToTheEnd(await createWorker()));
  });

  it('never changes a row that is not a sample', async () => {
    await seed();
    const statuses = Object.values(ExportStatus);
    const foreign = statuses.map((status, index) => exportRow(index, { status }));
    await insertRows(source, { exports: foreign });
    const ids = new Set(foreign.map(({ id }) => id));
    const read = async () => (await rows()).filter(({ id }) => ids.has(id));
    const before = await read();
    expect(before).toHaveLength(statuses.length);
    const worker = await createWorker();
    const samplesLeft = async () =>
      (await rows()).filter((row) => isActive(row) && isSampleId(row.id)).length;
    while ((await samplesLeft()) > 0) await worker.step();
    for (let step = 0; step < 50; step += 1) await worker.step();
    expect(await read()).toEqual(before);
  });

  it('adds a queued sample now and then when none is left, and keeps the last ones', async () => {
    await seed(1);
    const worker = await createWorker({ maxAdded: 2 });
    const added = new Set<string>();
    for (let step = 0; added.size < 4; step += 1) {
      expect(step).toBeLessThan(200);
      await worker.step();
      for (const { id } of await rows()) added.add(id);
    }
    expect(added.size - 1).toBe(3);
    expect((await rows()).length).toBe(1 + 2);
    const ids = new Set((await rows()).map(({ id }) => id));
    expect((await files()).filter(({ exportId }) => !ids.has(exportId))).toEqual([]);
  });

  it('adds none to a database without samples', async () => {
    await insertRows(source, { exports: [exportRow(0)] });
    const worker = await createWorker();
    for (let step = 0; step < 50; step += 1) await worker.step();
    expect(await rows()).toHaveLength(1);
  });

  it('logs once that the database is locked, and goes on after that', async () => {
    await seed();
    const worker = await createWorker();
    for (let step = 0; step < 10; step += 1) await worker.step();
    await source.query('BEGIN IMMEDIATE');
    const before = await rows();
    for (let step = 0; step < 20; step += 1) await worker.step();
    expect(await rows()).toEqual(before);
    await source.query('COMMIT');
    expect(log).toEqual([expect.stringMatching(/^The samples have stopped moving: .*locked/)]);
    await runToTheEnd(worker);
    expect(log).toHaveLength(1);
  });

  it('logs once that files cannot be written, and goes on after that', async () => {
    await seed();
    const path = join(folder, 'full');
    const worker = await createWorker({ files: path });
    await rm(path, { recursive: true, force: true });
    await writeFile(path, '');
    for (let step = 0; step < 300; step += 1) await worker.step();
    expect((await rows()).some(isActive)).toBe(true);
    expect(log).toEqual([expect.stringMatching(/^The samples have stopped moving: .*full/)]);
    await rm(path);
    const histories = await runToTheEnd(worker);
    expect(histories.flat().some(({ status }) => status === COMPLETED)).toBe(true);
    expect(log).toHaveLength(1);
  });
});

import 'reflect-metadata';

import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, expect, it, jest } from '@jest/globals';

import { readConfig } from '../../src/config/config.js';
import { connectDatabase } from '../../src/database/connect.js';
import { entities } from '../../src/entities.js';
import { ExportFileRow } from '../../src/exports/export-file.js';
import { Export } from '../../src/exports/export.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { createLogger } from '../../src/logger.js';
import { createSampleGenerator } from '../../src/sample/sample-export.js';
import { seedIfEmpty, seedSamples } from '../../src/sample/seed.js';
import { itWith } from '../support/describe-with.js';
import { embedded, engines, mysql, type Engine } from '../support/engines.js';

const now = new Date('2026-11-24T10:11:12.345Z');
const logger = createLogger('silent');
const openAt = (FILES_URL: string) => openStorage(readConfig({ FILES_URL }).files, { logger });
let dispose = () => Promise.resolve();
afterEach(() => dispose());

/** A migrated, empty database and an empty storage folder. */
async function createDatabase(engine: Engine) {
  const database = await engine.provide();
  const source = await connectDatabase(database.config, { entities, logger, migrate: true });
  const folder = await mkdtemp(join(tmpdir(), 'sample-test-'));
  dispose = async () => {
    await source.destroy();
    await database.dispose();
    await rm(folder, { recursive: true });
  };
  return {
    source,
    storage: await openAt(`file:${folder}`),
    read: (objectKey: string) => readFile(join(folder, objectKey)),
    exports: () => source.getRepository(Export).find({ order: { id: 'ASC' } }),
    files: async () => {
      const order = { exportId: 'ASC', kind: 'ASC' } as const;
      const files = await source.getRepository(ExportFileRow).find({ order });
      // The driver of MySQL returns a BIGINT as text.
      for (const file of files) file.sizeBytes = Number(String(file.sizeBytes));
      return files;
    },
  };
}

it.each(engines)('seedSamples stores all or nothing on $engine', async (engine) => {
  const { source, storage, read, ...database } = await createDatabase(engine);
  const options = { storage, exports: 250, now, seed: 'any' };
  const broken = await openAt(`file:${fileURLToPath(import.meta.url)}`);
  await expect(seedSamples(source, { ...options, storage: broken })).rejects.toThrow('ENOTDIR');
  expect(await database.exports()).toEqual([]);

  await seedSamples(source, options);
  const generate = createSampleGenerator('any', now);
  const samples = Array.from({ length: 250 }, (_, index) => generate(index));
  samples.sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
  expect(await database.exports()).toEqual(samples.map(({ row }) => row));
  const files = samples.flatMap((sample) =>
    sample.files.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
  );
  expect(files).toMatchObject(await database.files());
  for (const { objectKey, content } of files) {
    expect(content.equals(await read(objectKey))).toBe(true);
  }

  // The files follow the exports of a transaction, and those that are left conflict.
  await source.query("DELETE FROM exports WHERE id <> ''");
  await expect(seedSamples(source, options)).rejects.toThrow(/UNIQUE|Duplicate/);
  expect(await database.exports()).toEqual([]);
});

it('seedSamples adds to existing exports, reports progress, and shares files among many', async () => {
  const { source, storage, read, ...database } = await createDatabase(embedded);
  const progress: number[] = [];
  const onProgress = (done: number) => progress.push(done);
  await seedSamples(source, { storage, exports: 10, now, seed: 'first' });
  await seedSamples(source, { storage, exports: 6_010, now, seed: 'second', onProgress });
  expect(progress).toEqual([...Array.from({ length: 300 }, (_, i) => (i + 1) * 20), 6_010]);
  expect(await database.exports()).toHaveLength(6_020);
  const files = await database.files();
  const sizes = new Map(files.map(({ objectKey, sizeBytes }) => [objectKey, sizeBytes]));
  const facts = files.map((file) => `${file.objectKey} ${file.sizeBytes} ${file.sha256}`);
  expect(sizes.size).toBeLessThan(files.length / 5);
  expect(new Set(facts).size).toBe(sizes.size);
  for (const [objectKey, size] of sizes) expect(await read(objectKey)).toHaveLength(size);
  // An embedded database compares times as text.
  const sql = 'SELECT typeof(created_at) || created_at AS time FROM exports';
  const times = await source.query<{ time: string }[]>(sql);
  const text = /^text\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/;
  expect(times.filter(({ time }) => !text.test(time))).toEqual([]);
});

it('seedSamples writes each file once, and those of several exports concurrently', async () => {
  const { source } = await createDatabase(embedded);
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' });
  const storage = await openAt('s3://exports?region=us-east-1');
  let [running, most] = [0, 0];
  const fetch = jest.spyOn(globalThis, 'fetch').mockImplementation(async () => {
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
    return new Response();
  });
  const written = await seedSamples(source, { storage, exports: 300, now, seed: 'any' });
  const sizes = fetch.mock.calls.map(([, init]) => (init?.body as Buffer).length);
  fetch.mockRestore();
  const bytes = sizes.reduce((sum, size) => sum + size);
  expect(written).toEqual({ files: sizes.length, bytes });
  expect(most).toBeGreaterThan(20);
  expect(most).toBeLessThanOrEqual(80);
});

itWith('mysql', 'seedIfEmpty seeds once, even when two gateways start together', async () => {
  const { source, storage, read, ...database } = await createDatabase(mysql);
  const seed = () => seedIfEmpty(source, { storage, logger });
  await Promise.all([seed(), seed()]);
  await seed();
  expect(await database.exports()).toHaveLength(250);
  for (const { objectKey, sha256 } of await database.files()) {
    expect(hash('sha256', await read(objectKey))).toBe(sha256);
  }
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DatabaseConfig } from '../../src/config/database.js';
import { createTestDatabase } from './test-database.js';

/** A database of its own for one test file, empty and without tables. */
export interface EngineDatabase {
  readonly config: DatabaseConfig;
  dispose(): Promise<void>;
}

/** The databases that the gateway runs on: `describe.each(engines)`. */
export const engines: readonly { engine: string; provide: () => Promise<EngineDatabase> }[] = [
  {
    engine: 'embedded',
    async provide() {
      const folder = await mkdtemp(join(tmpdir(), 'exports-gateway-'));
      return {
        config: { kind: 'embedded', path: join(folder, 'exports.sqlite') },
        dispose: () => rm(folder, { recursive: true }),
      };
    },
  },
  {
    engine: 'MySQL',
    async provide() {
      const database = await createTestDatabase();
      return { config: { kind: 'mysql', url: database.url }, dispose: () => database.drop() };
    },
  },
];

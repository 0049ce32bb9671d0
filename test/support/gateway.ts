import 'reflect-metadata';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import type { DataSource } from 'typeorm';

import { createApp } from '../../src/app.js';
import { readConfig, type Config } from '../../src/config/config.js';
import { createTestDataSource } from './data-source.js';
import type { EngineDatabase } from './engines.js';

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string };
}

export interface Answer<Data> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly GraphqlError[] | undefined;
  /** The statements that were sent to the database for it. */
  readonly statements: readonly string[];
  /** How many links were signed for it. */
  readonly linksSigned: number;
}

/** A gateway that listens on a free port, and the other end of its database and files. */
export interface Gateway {
  readonly origin: string;
  /** Not the gateway's own connection: what tests write with it is not among its statements. */
  readonly source: DataSource;
  readonly filesDirectory: string;
  /** What the gateway has logged, line by line. */
  readonly log: readonly Record<string, unknown>[];
  query<Data = Record<string, never>>(
    document: string,
    variables?: Record<string, unknown>,
    /** Beside the content type: credentials. */
    headers?: Record<string, string>,
  ): Promise<Answer<Data>>;
  close(): Promise<void>;
}

/** Starts a gateway on an engine's database, with its tables built and no rows in them. */
export async function startGateway(
  database: EngineDatabase,
  changes: Partial<Config> = {},
): Promise<Gateway> {
  const filesDirectory = await mkdtemp(join(tmpdir(), 'exports-gateway-files-'));
  const defaults = readConfig({
    PORT: '0',
    FILES_URL: `file:${filesDirectory}`,
    FILES_SIGNING_SECRET: 'the secret of the tests',
  });
  const config: Config = {
    ...defaults,
    database: database.config,
    seedSamples: false,
    ...changes,
  };

  const source = await createTestDataSource(database.config);
  await source.initialize();
  await source.runMigrations();

  const log: Record<string, unknown>[] = [];
  const write = (line: string) => {
    log.push(JSON.parse(line) as Record<string, unknown>);
  };
  const app = await createApp(config, pino({ level: 'debug' }, { write }));
  const origin = await app.listen();

  async function linksSigned(): Promise<number> {
    const metrics = await (await fetch(`${origin}/metrics`)).text();
    return Number(/^exports_gateway_links_signed_total (\d+)$/m.exec(metrics)?.[1]);
  }

  return {
    origin,
    source,
    filesDirectory,
    log,
    async query<Data>(
      document: string,
      variables?: Record<string, unknown>,
      headers: Record<string, string> = {},
    ) {
      const signedBefore = await linksSigned();
      const logBefore = log.length;
      const response = await fetch(`${origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: document, variables }),
      });
      const body = (await response.json()) as Pick<Answer<Data>, 'data' | 'errors'>;
      const statements = log
        .slice(logBefore)
        .flatMap(({ sql }) => (typeof sql === 'string' ? [sql] : []));
      return {
        status: response.status,
        data: body.data,
        errors: body.errors,
        statements,
        linksSigned: (await linksSigned()) - signedBefore,
      };
    },
    async close() {
      await app.close();
      await source.destroy();
      await rm(filesDirectory, { recursive: true });
    },
  };
}

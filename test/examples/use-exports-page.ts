import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { startPageServer } from '../../examples/exports-page/server.js';
import { signToken, tokenSecret } from '../auth/credentials.js';
import { run } from '../support/apt.js';
import { buildGateway, type StartedProgram } from '../support/built-gateway.js';
import { createTestDataSource } from '../support/data-source.js';
import { freePort } from '../support/private-server.js';
import { insertRows, type Rows } from '../support/rows.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The user of the page. */
export const USER = 'ada@example.com';

/** A token of the user, who may see all exports of the organization. */
export const issueToken = (lifetime = '1h') =>
  signToken({ org_id: 'org_demo', email: USER, scope: 'exports:all' }, { lifetime });

/**
 * The page as it is built, on its server, and a gateway on another origin, before the tests of the
 * enclosing `describe`. The gateway's database and storage have these rows and files, by object key.
 */
export function useExportsPage(rows: Rows, stored: ReadonlyMap<string, string>) {
  const page = {} as {
    origin: string;
    gateway: StartedProgram;
    gatewayOrigin: string;
    /** Starts the gateway where it was, with more settings. */
    startGateway: (settings?: Record<string, string>) => Promise<void>;
    source: DataSource;
    /** What the page's server answers; null: nobody is signed in. */
    token: () => Promise<string | null>;
  };
  const opened: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'exports-page-test-'));
    opened.unshift(() => rm(folder, { recursive: true }));
    const port = await freePort();
    const gatewayOrigin = `http://127.0.0.1:${port}`;
    const built = join(folder, 'page');
    const [gateway] = await Promise.all([
      buildGateway(),
      run(
        process.execPath,
        [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', built],
        {
          cwd: join(root, 'examples/exports-page'),
          env: { VITE_GATEWAY_URL: gatewayOrigin },
          timeout: 60_000,
        },
      ),
    ]);
    opened.unshift(() => gateway.dispose());
    const server = await startPageServer({
      folder: built,
      port: 0,
      async issueToken() {
        const token = await page.token();
        return token === null ? null : { access_token: token, expires_in: 3600 };
      },
    });
    opened.unshift(server.close);

    for (const [objectKey, content] of stored) {
      const path = join(folder, 'data/files', objectKey);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    await mkdir(join(folder, 'data'), { recursive: true });
    const database = { kind: 'embedded', path: join(folder, 'data/exports.sqlite') } as const;
    const source = await createTestDataSource(database);
    await source.initialize();
    opened.unshift(() => source.destroy());
    await source.runMigrations();
    await insertRows(source, rows);

    async function startGateway(settings: Record<string, string> = {}) {
      page.gateway = gateway.start(folder, {
        PORT: String(port),
        AUTH: 'required',
        JWT_SECRET: tokenSecret,
        JWT_REQUESTER_CLAIM: 'email',
        JWT_ALL_EXPORTS_SCOPE: 'exports:all',
        CORS_ORIGINS: server.origin,
        FILES_URL_TTL: '1',
        LIVE_POLL_INTERVAL: '100',
        ...settings,
      });
      await page.gateway.origin();
    }
    const { origin } = server;
    Object.assign(page, { origin, gatewayOrigin, source, startGateway, token: () => issueToken() });
    await startGateway();
  });
  afterAll(async () => {
    for (const close of opened) await close();
  });
  return page;
}

import 'reflect-metadata';

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { run } from '../support/apt.js';
import type { StartedProgram } from '../support/built-gateway.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { postQuery } from '../support/exports-server.js';
import { startGateway } from '../support/gateway.js';
import { freePort } from '../support/private-server.js';
import { startHaproxy, startNginx } from '../support/proxies.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

/** How often HAProxy checks the gateways; `npm run test:proxies` sets ten seconds. */
const CHECK_SECONDS = Number(process.env['TEST_CHECK_SECONDS'] ?? '0.3');

const built = useBuiltGateway();

const location = `
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_next_upstream error timeout non_idempotent;`;

describeWith('proxies', 'a gateway under a path of nginx, where TLS ends', () => {
  let folder: string;
  let port: number;
  let origin: string;
  let ca: string;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let nginx: Awaited<ReturnType<typeof startNginx>>;
  let close: () => Promise<void>;
  const fileName = '🎉'.repeat(255);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tls-test-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', key, '-out', certificate];
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...names, ...files], {
      timeout: 20_000,
    });
    ca = await readFile(certificate, 'utf8');
    port = await freePort();
    origin = `https://localhost:${port}`;
    const database = await embedded.provide();
    gateway = await startGateway(database, {
      config: { publicUrl: `${origin}/exports-api`, trustProxy: true },
      exports: [exportRow(0)],
      files: [fileRow(0, ExportFileKind.CSV, { fileName })],
    });
    await gateway.store(fileRow(0, ExportFileKind.CSV).objectKey, 'id\n1\n');
    const upstream = gateway.origin;
    nginx = await startNginx(
      `server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${certificate};
        ssl_certificate_key ${key};
        location /exports-api/ { proxy_pass ${upstream}/; ${location} }
        # As for proxies that do not change paths.
        location /exports-api/graphql { proxy_pass ${upstream}; ${location} }
      }`,
      port,
    );
    close = async () => {
      await nginx.stop();
      await gateway.close();
      await database.dispose();
      await rm(folder, { recursive: true });
    };
  });
  afterAll(() => close());

  async function send(url: string, options: RequestOptions = {}, body?: object) {
    const sent = request(new URL(url, origin), {
      ca,
      agent: false,
      host: '127.0.0.1',
      servername: 'localhost',
      ...options,
    });
    sent.end(body && JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, text: await text(response) };
  }

  it('returns links that download, also with the longest name', async () => {
    const query = `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`;
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const response = await send('/exports-api/graphql', post, { query });
    const { data } = JSON.parse(response.text) as { data: { export: { csvUrl: string } } };
    expect(data.export.csvUrl.startsWith(`${origin}/exports-api/files/`)).toBe(true);
    expect(await send(data.export.csvUrl)).toMatchObject({ status: 200, text: 'id\n1\n' });
  });

  it('redirects to GraphiQL, which sends its queries to its own path', async () => {
    const headers = { accept: 'text/html' };
    const redirect = await send('/exports-api/', { headers });
    expect([redirect.status, redirect.headers.location]).toEqual([302, '/exports-api/graphql']);
    const page = await send('/exports-api/graphql', { headers });
    expect([page.status, page.text.includes('props.endpoint = location.pathname')]).toEqual([
      200,
      true,
    ]);
  });
});

describeWith('proxies', 'a rolling restart of two gateways loses no request', () => {
  afterEach(() => built.endAll(built.folder));

  const haproxy = (options: string) => (ports: readonly number[], port: number) =>
    startHaproxy(
      `defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend balancer
  bind 127.0.0.1:${port}
  default_backend gateways
backend gateways
  option httpchk GET /health/ready
  ${options}
  ${ports.map((each) => `server gateway-${each} 127.0.0.1:${each}`).join('\n  ')}
`,
      port,
    );
  const nginx = (ports: readonly number[], port: number) =>
    startNginx(
      `upstream exports { ${ports.map((each) => `server 127.0.0.1:${each} fail_timeout=1s;`).join(' ')} keepalive 32; }
       server { listen 127.0.0.1:${port}; location / { proxy_pass http://exports; ${location} } }`,
      port,
    );
  const checks = `default-server check inter ${CHECK_SECONDS * 1000} rise 1`;
  const redispatch = 'option redispatch 1\n  retries 3\n  retry-on conn-failure empty-response';

  it.each([
    {
      through: 'nginx, and through HAProxy with redispatch',
      delay: 1,
      starts: { nginx, haproxy: haproxy(`${redispatch}\n  ${checks} fall 3`) },
    },
    {
      through: 'HAProxy alone',
      delay: Math.ceil(CHECK_SECONDS * 3 + 2),
      starts: { haproxy: haproxy(`retries 0\n  ${checks} fall 3`) },
    },
  ])(
    'through $through with SHUTDOWN_DELAY=$delay',
    async ({ delay, starts }) => {
      const ports = [await freePort(), await freePort()];
      const start = async (port: number) => {
        const env = { PORT: String(port), SHUTDOWN_DELAY: String(delay) };
        const program = built.start(built.folder, env);
        await program.origin();
        return program;
      };
      const programs = await Promise.all(ports.map(start));
      const proxies = await Promise.all(
        Object.entries(starts).map(async ([name, startProxy]) => {
          const port = await freePort();
          const proxy = await startProxy(ports, port);
          return { name, origin: `http://127.0.0.1:${port}`, stop: () => proxy.stop() };
        }),
      );
      const outcomes = new Map<string, number>();
      let isOver = false;
      /** Sends requests through a proxy whose name is that of their operation. */
      const send = async ({ name, origin }: (typeof proxies)[number]) => {
        const query = `query ${name} { exports { data { id } } }`;
        while (!isOver) {
          const outcome = await postQuery(origin, query, { timeoutMs: 30_000 }).then(
            ({ status }) => `${name}: ${status}`,
            (error: unknown) => `${name}: ${String(error)}`,
          );
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          // Leaves the processor to the gateways that start and end.
          await pause(5);
        }
      };
      /** Each proxy has noticed that the gateway is back. */
      const untilServing = ({ log }: StartedProgram) =>
        until(() => {
          const operations = new Set(log.map((line) => 'operation' in line && line.operation));
          return proxies.every(({ name }) => operations.has(name)) || undefined;
        }, 90_000);
      try {
        for (const { origin } of proxies) {
          await until(async () => {
            const { status } = await postQuery(origin, '{ __typename }');
            return status === 200 || undefined;
          });
        }
        const load = proxies.flatMap((proxy) => Array.from({ length: 8 }, () => send(proxy)));
        for (const [at, leaving] of programs.entries()) {
          await untilServing(leaving);
          leaving.kill('SIGTERM');
          expect(await leaving.ended).toBe(0);
          await untilServing(await start(ports[at] ?? 0));
        }
        isOver = true;
        await Promise.all(load);
        expect([...outcomes.keys()].sort()).toEqual(
          proxies.map(({ name }) => `${name}: 200`).sort(),
        );
        for (const count of outcomes.values()) expect(count).toBeGreaterThan(100);
      } finally {
        isOver = true;
        for (const { stop } of proxies) await stop();
      }
    },
    300_000,
  );
});

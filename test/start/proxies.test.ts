import 'reflect-metadata';

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { run } from '../support/apt.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { startGateway } from '../support/gateway.js';
import { freePort } from '../support/private-server.js';
import { startNginx } from '../support/proxies.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

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

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { freePort } from '../support/private-server.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

const PREFIX = '/exports-api';
const gateway = useGateway(embedded, {
  config: { publicUrl: `https://example.com${PREFIX}`, hsts: 600, trustProxy: true },
  exports: [exportRow(0)],
  files: [fileRow(0, ExportFileKind.CSV)],
});

describe('a gateway whose PUBLIC_URL has a path', () => {
  it('starts its links and its redirect with the path', async () => {
    await gateway.store(fileRow(0, ExportFileKind.CSV).objectKey, 'id\n1\n');
    const { data } = await gateway.query<{ export: { csvUrl: string } }>(
      `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`,
    );
    const { origin, pathname, search } = new URL(data.export.csvUrl);
    expect([origin, pathname.startsWith(`${PREFIX}/files/`)]).toEqual([
      'https://example.com',
      true,
    ]);
    for (const path of [pathname, pathname.slice(PREFIX.length)]) {
      expect(await gateway.send({ target: path + search })).toMatchObject({ text: 'id\n1\n' });
    }
    for (const path of [PREFIX, `${PREFIX}/`, '/']) {
      const headers = { location: `${PREFIX}/graphql` };
      expect(await gateway.send({ path })).toMatchObject({ status: 302, headers });
    }
  });

  it.each(['', PREFIX])(
    'serves every route, whether the proxy removes the path or not: %s',
    async (base) => {
      const body = { query: '{ __typename }' };
      expect((await gateway.send({ path: `${base}/graphql`, body })).status).toBe(200);
      expect((await gateway.send({ path: `${base}/health/ready` })).status).toBe(200);
      const page = await gateway.send({
        path: `${base}/graphql`,
        headers: ['accept', 'text/html'],
      });
      expect(page.text).toContain('props.endpoint = location.pathname');
    },
  );

  it('believes no X-Forwarded-Host', async () => {
    const headers = ['x-forwarded-host', 'evil.example.com', 'x-forwarded-proto', 'https'];
    for (const path of ['/', '/graphql']) {
      const { headers: received, text } = await gateway.send({ path, headers });
      expect(JSON.stringify([received, text])).not.toContain('evil');
    }
  });
});

describe('Strict-Transport-Security', () => {
  const plain = useGateway(embedded);

  it('is sent with HSTS only', async () => {
    const header = 'strict-transport-security';
    const path = '/health/live';
    expect((await gateway.send({ path })).headers[header]).toBe('max-age=600');
    expect((await plain.send({ path })).headers).not.toHaveProperty(header);
  });
});

const managementPort = await freePort();

describe('MANAGEMENT_PORT', () => {
  const managed = useGateway(embedded, { config: { managementPort } });

  it('serves health checks and metrics, and PORT no longer does', async () => {
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      const response = await fetch(`http://127.0.0.1:${managementPort}${path}`);
      expect([response.status, response.headers.get('x-request-id')]).toEqual([
        200,
        expect.anything(),
      ]);
      expect((await managed.send({ path })).status).toBe(404);
    }
    const other = await fetch(`http://127.0.0.1:${managementPort}/graphql`);
    expect([
      other.status,
      (await managed.send({ body: { query: '{ __typename }' } })).status,
    ]).toEqual([404, 200]);
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { signToken, tokensAccepted } from '../auth/credentials.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { embedded } from '../support/engines.js';
import { startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { liveClients } from './live-clients.js';
import type { Credentials, LiveClient, Report, Request } from './live-clients.js';

const id = exportId(0);
const one = {
  query: `subscription ($id: ID!) {
    exportUpdated(id: $id, includeCsv: true) { id status progress csvUrl } }`,
  variables: { id },
};
const all = { query: 'subscription { exportsUpdated { id status } }' };
const processing = {
  query: 'subscription { exportsUpdated(filter: { statuses: [PROCESSING] }) { id status } }',
};

const config = { livePollInterval: 100 };
const queued = { exports: [exportRow(0, { status: ExportStatus.QUEUED, countProcessed: 0 })] };

/** Changes the export as a worker does. */
async function change({ source }: Pick<Gateway, 'source'>, status: string, countProcessed = 10) {
  if (status === 'COMPLETED') await insertRows(source, { files: [fileRow(0, ExportFileKind.CSV)] });
  const assignments = 'status = ?, count_processed = ?, updated_at = ?';
  const values = [status.toLowerCase(), countProcessed, toSqlDateTime(new Date()), id];
  await source.query(`UPDATE exports SET ${assignments} WHERE id = ?`, values);
}

const cleanups: (() => void | Promise<void>)[] = [];
const cleanUp = async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
};

/** Subscribes until the end of the test, to one export by default. */
function follow(
  client: LiveClient,
  origin: string,
  options: { readonly request?: Request; readonly credentials?: Credentials } = {},
) {
  const { request = one, credentials = () => ({}) } = options;
  const reports: Report[] = [];
  let wake = () => {};
  const report = (reported: Report) => {
    reports.push(reported);
    wake();
  };
  cleanups.unshift(client.subscribe({ url: `${origin}/graphql`, credentials }, request, report));

  async function next(): Promise<Report> {
    for (;;) {
      const reported = reports.shift();
      if (reported !== undefined) return reported;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    next,
    /** Resolves to an export with this status. States in front of it may be repeated or skipped. */
    async untilStatus(status: string): Promise<object> {
      for (;;) {
        const { data, ...unexpected } = await next();
        expect([unexpected, data]).toEqual([{}, expect.anything()]);
        const followed = Object.values(data ?? {})[0];
        if (followed?.status === status) return followed;
      }
    },
  };
}

describe.each(liveClients)('$name', (client) => {
  afterEach(cleanUp);

  describe('with a gateway', () => {
    // Before the gateway closes, or its clients would try to reconnect.
    afterEach(cleanUp);
    const gateway = useGateway(embedded, { each: true, config, ...queued });

    it('follows an export to its end', async () => {
      const followed = follow(client, gateway.origin);
      expect(await followed.untilStatus('QUEUED')).toMatchObject({ progress: 0, csvUrl: null });
      await change(gateway, 'PROCESSING', 5);
      expect(await followed.untilStatus('PROCESSING')).toMatchObject({ progress: 0.5 });
      await change(gateway, 'COMPLETED');
      const csvUrl: unknown = expect.stringMatching(/^http/);
      expect(await followed.untilStatus('COMPLETED')).toMatchObject({ progress: 1, csvUrl });
      expect(await followed.next()).toEqual({ isComplete: true });
    });

    it('follows a filtered list, and sees an export leave it', async () => {
      const followed = follow(client, gateway.origin, { request: processing });
      await change(gateway, 'PROCESSING');
      expect(await followed.untilStatus('PROCESSING')).toMatchObject({ id });
      const created = exportRow(1, { status: ExportStatus.PROCESSING, updatedAt: new Date() });
      await insertRows(gateway.source, { exports: [created] });
      expect(await followed.untilStatus('PROCESSING')).toMatchObject({ id: exportId(1) });
      await change(gateway, 'COMPLETED');
      expect(await followed.untilStatus('COMPLETED')).toMatchObject({ id });
    });

    it('reports an invalid document', async () => {
      const request = { query: 'subscription { exportUpdated(id: "a") { unknown } }' };
      const { error } = await follow(client, gateway.origin, { request }).next();
      expect(messageOf(error)).toMatch(/Cannot query field "unknown" on type "Export"/);
    });

    it('sees the end of an export that completes while the connection is lost', async () => {
      const proxy = await createDatabaseProxy(gateway.origin);
      cleanups.push(() => proxy.close());
      await proxy.open();
      const followed = [one, all].map((request) =>
        follow(client, new URL(proxy.url).origin, { request }),
      );
      await change(gateway, 'PROCESSING');
      for (const each of followed) await each.untilStatus('PROCESSING');
      await proxy.close();
      await change(gateway, 'COMPLETED');
      await proxy.open();
      for (const each of followed) await each.untilStatus('COMPLETED');
    });
  });

  it('sees the end of an export that completes while the gateway restarts', async () => {
    const database = await embedded.provide();
    const first = await startGateway(database, { config, ...queued });
    const followed = [one, all].map((request) => follow(client, first.origin, { request }));
    await change(first, 'PROCESSING');
    for (const each of followed) await each.untilStatus('PROCESSING');
    await first.close();

    const port = Number(new URL(first.origin).port);
    const second = await startGateway(database, { config: { ...config, port } });
    cleanups.push(() => second.close().then(() => database.dispose()));
    await change(second, 'COMPLETED');
    for (const each of followed) await each.untilStatus('COMPLETED');
  });

  describe('with a gateway that requires credentials', () => {
    // Before the gateway closes, or its clients would try to reconnect.
    afterEach(cleanUp);
    const gateway = useGateway(embedded, {
      each: true,
      config: { ...config, ...tokensAccepted() },
      ...queued,
    });

    it(`${client.retriesUnauthorized ? 'retries' : 'reports'} a rejected token`, async () => {
      const tokens = [await tokenFor('-1h'), await tokenFor('1h')];
      const credentials = () => tokens.shift() ?? {};
      const followed = follow(client, gateway.origin, { credentials });
      if (client.retriesUnauthorized) await followed.untilStatus('QUEUED');
      else expect((await followed.next()).error).toMatchObject(unauthenticated);
    });
  });
});

describe('with a gateway whose token expires', () => {
  // Before the gateway closes, or its clients would try to reconnect.
  afterEach(cleanUp);
  const gateway = useGateway(embedded, { config: { ...config, ...tokensAccepted() }, ...queued });

  // All at once, because they wait for seconds.
  it('each client goes on with a new one', async () => {
    const goOn = liveClients.map(async (client) => {
      // The gateway tolerates five seconds.
      const tokens = [await tokenFor('-2s'), await tokenFor('1h')];
      const credentials = () => tokens.shift() ?? {};
      const followed = follow(client, gateway.origin, { credentials });
      await followed.untilStatus('QUEUED');
      await followed.untilStatus('QUEUED');
      return [client.name, tokens.length];
    });
    expect(await Promise.all(goOn)).toEqual(liveClients.map(({ name }) => [name, 0]));
  });
});

const tokenFor = async (lifetime: string) => ({
  authorization: `Bearer ${await signToken({ org_id: 'org_demo' }, { lifetime })}`,
});

const unauthenticated = { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] };

/** Of the error of a client, or of the errors of a result. */
function messageOf(error: unknown): string {
  const [first] = Array.isArray(error) ? (error as Error[]) : [error as Error];
  return first?.message ?? '';
}

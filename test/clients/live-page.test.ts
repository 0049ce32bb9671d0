import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { signToken, tokensAccepted } from '../auth/credentials.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { until } from '../support/until.js';

interface Export {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly progress: number | null;
}
/** The documented module of a client. */
interface Page<Client> {
  readonly createClient: (token: () => string) => Client;
  readonly followExports: (
    client: Client,
    show: (exports: readonly Export[]) => void,
  ) => () => void;
  readonly csvLink: (client: Client, id: string) => Promise<string | null>;
}
interface Shared {
  readonly progressText: (shown: object) => string;
  readonly staySubscribed: (source: {
    load: () => Promise<void>;
    subscribe: (heard: () => void, ended: () => void) => () => void;
  }) => () => void;
}

const documented = useDocumentedCode();
const token = await signToken({ org_id: 'org_demo' });

describe.each(['live-apollo.ts', 'live-urql.ts'])('the page of %s', (file) => {
  const gateway = useGateway(embedded, {
    each: true,
    config: { livePollInterval: 100, ...tokensAccepted() },
    exports: [exportRow(0, { status: ExportStatus.QUEUED, countProcessed: 0 }), exportRow(1)],
  });
  const change = (index: number, status: ExportStatus, processed: number) =>
    gateway.source.query(
      'UPDATE exports SET status = ?, count_processed = ?, updated_at = ? WHERE id = ?',
      [status, processed, toSqlDateTime(new Date()), exportId(index)],
    );

  /** Opens the page; `until` waits for what it shows, as names with status and progress. */
  async function open(origin: string, tokens = () => token) {
    const page = await documented.load<Page<unknown>>(file, origin);
    const client = page.createClient(tokens);
    let shown = '';
    let wake = () => {};
    const close = page.followExports(client, (exports) => {
      shown = exports
        .map(({ name, status, progress }) => [name, status, progress].join())
        .join(' ');
      wake();
    });
    return {
      close,
      csvLink: (index: number) => page.csvLink(client, exportId(index)),
      async until(expected: string) {
        while (shown !== expected) await new Promise<void>((resolve) => (wake = resolve));
      },
    };
  }

  it('shows new exports and progress, and requests a link on a click', async () => {
    const page = await open(gateway.origin);
    await page.until('Export 1,COMPLETED,1 Export 0,QUEUED,0');
    expect(await page.csvLink(0)).toBeNull();
    await change(0, ExportStatus.PROCESSING, 4);
    await page.until('Export 1,COMPLETED,1 Export 0,PROCESSING,0.4');
    const created = exportRow(2, {
      status: ExportStatus.QUEUED,
      countProcessed: 0,
      updatedAt: new Date(),
    });
    await insertRows(gateway.source, { exports: [created] });
    await page.until('Export 2,QUEUED,0 Export 1,COMPLETED,1 Export 0,PROCESSING,0.4');
    await insertRows(gateway.source, { files: [fileRow(0, ExportFileKind.CSV)] });
    await change(0, ExportStatus.COMPLETED, 10);
    await page.until('Export 2,QUEUED,0 Export 1,COMPLETED,1 Export 0,COMPLETED,1');
    expect(await page.csvLink(0)).toMatch(/^http/);
    page.close();
  });

  it('shows what changed while the connection was lost', async () => {
    const proxy = await createDatabaseProxy(gateway.origin);
    await proxy.open();
    const page = await open(new URL(proxy.url).origin);
    await change(0, ExportStatus.PROCESSING, 4);
    await page.until('Export 1,COMPLETED,1 Export 0,PROCESSING,0.4');
    await proxy.close();
    await change(0, ExportStatus.COMPLETED, 10);
    await proxy.open();
    await page.until('Export 1,COMPLETED,1 Export 0,COMPLETED,1');
    page.close();
    await proxy.close();
  });

  it('goes on with a new token when the old one expires', async () => {
    // The gateway tolerates five seconds.
    const expiring = await signToken({ org_id: 'org_demo' }, { lifetime: '-2s' });
    const ended = () => gateway.log.find(({ transport }) => transport !== undefined);
    const page = await open(gateway.origin, () => (ended() === undefined ? expiring : token));
    await page.until('Export 1,COMPLETED,1 Export 0,QUEUED,0');
    await until(ended);
    await change(0, ExportStatus.COMPLETED, 10);
    await page.until('Export 1,COMPLETED,1 Export 0,COMPLETED,1');
    page.close();
  });
});

describe('the loop of the documented pages', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('loads the list at first and after an absence that a new subscription does not cover', async () => {
    const { staySubscribed } = await documented.load<Shared>('live-exports.ts');
    jest.useFakeTimers();
    const calls: string[] = [];
    const source = { heard: () => {}, ended: () => {} };
    const stop = staySubscribed({
      async load() {
        calls.push('load');
        if (calls.length === 1) throw new Error('unavailable');
      },
      subscribe(heard, ended) {
        calls.push('subscribe');
        Object.assign(source, { heard, ended });
        return () => calls.push('unsubscribe');
      },
    });
    const expectCalls = async (afterMs: number, ...expected: string[]) => {
      await jest.advanceTimersByTimeAsync(afterMs);
      expect(calls.splice(0)).toEqual(expected);
    };
    await expectCalls(3_000, 'load', 'load', 'subscribe');
    source.ended();
    await expectCalls(3_000, 'unsubscribe', 'subscribe');
    await expectCalls(60_000);
    source.heard();
    source.ended();
    await expectCalls(3_000, 'unsubscribe', 'subscribe');
    await expectCalls(60_000);
    source.ended();
    await expectCalls(3_000, 'unsubscribe', 'load', 'subscribe');
    stop();
    await expectCalls(60_000, 'unsubscribe');
  });

  it.each([
    { status: 'QUEUED', progress: 0, minutes: null, text: 'queued' },
    { status: 'PROCESSING', progress: 0.456, minutes: null, text: '45 %' },
    { status: 'PROCESSING', progress: 0.5, minutes: 2.5, text: '50 %, about 3 min left' },
    { status: 'COMPLETED', progress: 1, minutes: null, text: 'completed' },
  ])('shows $text', async ({ minutes, text, ...shown }) => {
    const { progressText } = await documented.load<Shared>('live-exports.ts');
    const estimatedCompletionAt =
      minutes === null ? null : new Date(Date.now() + minutes * 60_000).toISOString();
    expect(progressText({ ...shown, estimatedCompletionAt })).toBe(text);
  });
});

import { describe, expect, it } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportStatus } from '../../src/exports/export.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, exportRows, insertRows } from '../support/rows.js';

interface Export {
  readonly id: string;
  readonly status: string;
  readonly updatedAt: string;
}
interface Page {
  readonly data: readonly Export[];
  readonly pagination: { readonly hasMore: boolean; readonly endCursor: string | null };
}
interface Polling {
  readonly CHANGED_EXPORTS: string;
  readonly createPoll: (
    read: (variables: { since: string; after: string | null }) => Promise<Page>,
    start: Date,
  ) => () => Promise<readonly Export[]>;
}

const start = new Date('2026-11-01T12:00:00.000Z');
const at = (seconds: number) => new Date(start.getTime() + seconds * 1_000);

describe('the documented polling', () => {
  const documented = useDocumentedCode();
  // More than two pages change in the same millisecond.
  const gateway = useGateway(embedded, {
    each: true,
    exports: exportRows(250, () => ({ status: ExportStatus.PROCESSING, updatedAt: at(60) })),
  });
  const change = (index: number, status: ExportStatus, seconds: number) =>
    gateway.source.query('UPDATE exports SET status = ?, updated_at = ? WHERE id = ?', [
      status,
      toSqlDateTime(at(seconds)),
      exportId(index),
    ]);

  /** `beforePage` runs in front of each request, with the number of the page. */
  async function createPoll(beforePage: (page: number) => unknown = () => undefined) {
    const { createPoll: create, CHANGED_EXPORTS } =
      await documented.load<Polling>('poll-exports.ts');
    let pages = 0;
    const poll = create(async (variables) => {
      await beforePage((pages += 1));
      const { data, errors } = await gateway.query<{ exports: Page }>(CHANGED_EXPORTS, variables);
      if (errors !== undefined) throw new Error(errors[0]?.message);
      return data.exports;
    }, start);
    return async () =>
      (await poll()).map(({ id, status }) => `${idsInOrder.indexOf(id)} ${status}`);
  }
  const idsInOrder = Array.from({ length: 260 }, (_, index) => exportId(index));
  const all = Array.from({ length: 250 }, (_, index) => `${index} PROCESSING`);

  it('takes each export once per state, with equal times over several pages', async () => {
    const poll = await createPoll();
    expect(await poll()).toEqual(all);
    expect(await poll()).toEqual([]);
    await change(3, ExportStatus.COMPLETED, 70);
    expect(await poll()).toEqual(['3 COMPLETED']);
    // Within the same millisecond as its last state.
    await change(3, ExportStatus.FAILED, 70);
    expect(await poll()).toEqual(['3 FAILED']);
    expect(await poll()).toEqual([]);
  });

  it('takes a change that becomes visible after one with a later time', async () => {
    const poll = await createPoll();
    await poll();
    await change(5, ExportStatus.COMPLETED, 100);
    expect(await poll()).toEqual(['5 COMPLETED']);
    await insertRows(gateway.source, { exports: [exportRow(250, { updatedAt: at(71) })] });
    expect(await poll()).toEqual(['250 COMPLETED']);
    expect(await poll()).toEqual([]);
  });

  it('loses nothing that changes between the pages of a call, or when a call fails', async () => {
    const poll = await createPoll(async (page) => {
      if (page === 2) await change(3, ExportStatus.COMPLETED, 70);
      if (page === 5) throw new Error('unavailable');
    });
    expect(await poll()).toEqual(all.with(3, '3 COMPLETED'));
    await change(4, ExportStatus.COMPLETED, 80);
    await expect(poll()).rejects.toThrow('unavailable');
    expect(await poll()).toEqual(['4 COMPLETED']);
  });
});

import { describe, expect, it } from '@jest/globals';

import { StreamOverflowError } from '../../src/errors.js';
import { ExportStatus } from '../../src/exports/export.js';
import { normalizeExportFilter } from '../../src/exports/export-filter.js';
import { engines } from '../support/engines.js';
import { exportId, exportRows, insertRows } from '../support/rows.js';
import { useLive } from './live.js';

const { PROCESSING, COMPLETED, FAILED, TIMED_OUT } = ExportStatus;

describe.each(engines)('a subscription to one export on $engine', (engine) => {
  const live = useLive(engine);

  it.each([COMPLETED, FAILED, TIMED_OUT])(
    'emits the current state and each later one, and completes after %s',
    async (status) => {
      await live.insert(1, 'new', 500);
      const { names, emitted, ended } = await live.follow(1);
      await emitted(1);
      await live.update(1, { name: 'half' });
      await emitted(2);
      await live.update(1, { name: 'end', status });
      await ended;
      expect(names()).toEqual(['new', 'half', 'end']);
    },
  );

  it.each([
    ['an unknown id', 2, null, 'org_demo'],
    ['an export of another organization', 1, null, 'org_other'],
    ['an export of another requester', 1, 'bob', 'org_demo'],
  ])(
    'emits null for %s, by the same single statement',
    async (_, index, requester, organization) => {
      await live.insert(1, 'new', 0, { requestedBy: 'ann' });
      const { rows, ended } = await live.follow(index, requester, organization);
      await ended;
      expect(rows).toEqual([null]);
      expect(live.statements).toHaveLength(1);
    },
  );

  it('emits an export that has ended, and reads no changes', async () => {
    await live.insert(1, 'end', 0, { status: COMPLETED });
    const { names, ended } = await live.follow(1);
    await ended;
    expect(names()).toEqual(['end']);
    expect(live.statements).toHaveLength(1);
  });

  it('emits null when the export leaves the scope, and completes', async () => {
    await live.insert(1, 'new', 0, { requestedBy: 'ann' });
    const ann = await live.follow(1, 'ann');
    const everyone = await live.follow(1);
    await Promise.all([ann.emitted(1), everyone.emitted(1)]);
    await live.update(1, { name: 'secret', requestedBy: 'bob' });
    await ann.ended;
    await everyone.emitted(2);
    expect(ann.names()).toEqual(['new', null]);
    expect(everyone.names()).toEqual(['new', 'secret']);
  });

  it('emits only the newest state to a consumer that is slow', async () => {
    await live.insert(1, 'new');
    const slow = await live.exports.followOne(
      { organization: 'org_demo', onlyRequestedBy: null, isAbandoned: false },
      exportId(1),
    );
    for (const name of ['one', 'two', 'three']) {
      await live.update(1, { name });
      await live.polled();
    }
    expect(await slow.ready()).toBe(true);
    expect([slow.take(), slow.take()]).toMatchObject([{ name: 'three' }, undefined]);
    slow.close();
    expect(await slow.ready()).toBe(false);
  });

  it('emits a state that the feed has seen before one that an older read returns', async () => {
    await live.insert(1, 'old');
    const list = live.followAll();
    await list.emitted(1);
    await live.update(1, { name: 'new' });
    await list.emitted(2);
    // As on a replica that lags.
    await live.update(1, { name: 'old' }, 5);
    const one = await live.follow(1);
    await one.emitted(1);
    expect(one.rows[0]).toBe(list.rows[1]);
  });

  it('emits null when the feed has seen the export leave the scope, whatever an older read returns', async () => {
    await live.insert(1, 'mine', 0, { requestedBy: 'ann' });
    const list = live.followAll();
    await list.emitted(1);
    await live.update(1, { name: 'secret', requestedBy: 'bob' });
    await list.emitted(2);
    await live.update(1, { name: 'mine', requestedBy: 'ann' }, 5);
    const ann = await live.follow(1, 'ann');
    await ann.ended;
    expect(ann.names()).toEqual([null]);
  });

  it('does not go back to an older state that the feed reads first', async () => {
    await live.insert(1, 'new');
    const one = await live.follow(1);
    // Before the statement that reads changes, as on a replica that lags.
    live.beforeStatements(async (sql) => {
      if (sql.includes('changes_0')) await live.update(1, { name: 'old' }, 5);
    });
    await one.emitted(1);
    await live.polled();
    expect(one.names()).toEqual(['new']);
  });

  it('goes on when other subscriptions of the export and the organization end', async () => {
    await live.insert(1, 'one');
    const [one, other, list] = [await live.follow(1), await live.follow(1), live.followAll()];
    await Promise.all([one.emitted(1), list.emitted(1)]);
    for (const each of [other, list]) each.pending.close();
    await live.polled();
    await live.update(1, { name: 'two' });
    await one.emitted(2);
    expect([one.names(), list.names()]).toEqual([['one', 'two'], ['one']]);
  });
});

describe.each(engines)('a subscription to a list on $engine', (engine) => {
  const live = useLive(engine);

  it('emits what changed in the 30 s before, and then each change', async () => {
    // It may have been committed 10 s after its time.
    await live.insert(1, 'first', 39);
    await live.insert(2, 'old', 45);
    await live.insert(9, 'foreign', 0, { organizationId: 'org_other' });
    const { names, emitted } = live.followAll();
    await emitted(1);
    await live.insert(3, 'third');
    await emitted(2);
    await live.update(2, { name: 'second' });
    await emitted(3);
    expect(names()).toEqual(['first', 'third', 'second']);
    const later = live.followAll();
    await later.emitted(3);
    expect(later.names()).toEqual(['first', 'third', 'second']);
    await live.polled();
    expect([names().length, later.names().length]).toEqual([3, 3]);
  });

  it('emits the same object to all subscribers', async () => {
    await live.insert(1, 'first');
    const [one, other] = [live.followAll(), live.followAll({ statuses: [PROCESSING] })];
    await Promise.all([one.emitted(1), other.emitted(1)]);
    const single = await live.follow(1);
    await live.update(1, { name: 'second' });
    await Promise.all([one.emitted(2), other.emitted(2), single.emitted(2)]);
    expect(one.rows).toEqual(other.rows);
    for (const index of [0, 1]) {
      expect(other.rows[index]).toBe(one.rows[index]);
      expect(single.rows[index]).toBe(one.rows[index]);
    }
  });

  it('emits an export that leaves the filter once, if it was emitted before', async () => {
    await live.insert(1, 'one');
    await live.insert(2, 'two', 0, { status: FAILED });
    const { rows, emitted } = live.followAll({ statuses: [PROCESSING] });
    await emitted(1);
    await live.update(2, { name: 'never' });
    await live.update(1, { status: COMPLETED });
    await emitted(2);
    await live.update(1, { name: 'renamed' });
    await live.polled();
    await live.update(1, { status: PROCESSING });
    await emitted(3);
    expect(rows.map((row) => [row?.name, row?.status])).toEqual([
      ['one', PROCESSING],
      ['one', COMPLETED],
      ['renamed', PROCESSING],
    ]);
  });

  it('emits nothing to a slow consumer of an export that left the filter before it was emitted', async () => {
    await live.insert(1, 'one');
    await live.insert(2, 'two');
    const scope = { organization: 'org_demo', onlyRequestedBy: null };
    const filter = normalizeExportFilter({ statuses: [PROCESSING] });
    const slow = live.exports.followList(scope, filter);
    await slow.ready();
    await live.insert(3, 'three');
    await live.polled();
    for (const index of [2, 3]) await live.update(index, { status: COMPLETED });
    await live.polled();
    expect([slow.take(), slow.take()]).toMatchObject([{ name: 'one' }, undefined]);
    slow.close();
  });

  it('never emits an export outside its scope, and none that leaves it', async () => {
    await live.insert(1, 'mine', 0, { requestedBy: 'ann' });
    await live.insert(2, 'other', 0, { requestedBy: 'Ann' });
    const { names, emitted } = live.followAll({ statuses: [PROCESSING] }, 'ann');
    await emitted(1);
    await live.update(1, { name: 'lost', requestedBy: 'bob' });
    await live.update(2, { name: 'gained', requestedBy: 'ann' });
    await emitted(2);
    expect(names()).toEqual(['mine', 'gained']);
  });

  it('ends when more than 1,000 exports are pending, without those that were there at first', async () => {
    const insert = async (from: number, to: number) => {
      const updatedAt = await live.ago(0);
      const exports = exportRows(to, () => ({ updatedAt })).slice(from);
      await insertRows(live.source, { exports });
    };
    await insert(0, 1_200);
    const scope = { organization: 'org_demo', onlyRequestedBy: null };
    const open = () => live.exports.followList(scope, normalizeExportFilter());
    const [slow, slower] = [open(), open()];
    await Promise.all([slow.ready(), slower.ready()]);
    for (let count = 0; count < 1_200; count++) slow.take();
    await insert(1_200, 2_200);
    const all = live.followAll();
    await all.emitted(2_200);
    expect(await slow.ready()).toBe(true);
    await insert(2_200, 2_201);
    await all.emitted(2_201);
    for (const each of [slow, slower]) {
      await expect(each.ready()).rejects.toThrow(StreamOverflowError);
      expect(each.take()).toBeUndefined();
    }
  });
});

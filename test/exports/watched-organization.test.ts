import { expect, it } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import type { ExportRow } from '../../src/exports/export.js';
import { WatchedOrganization, type AddedPage } from '../../src/exports/watched-organization.js';

const BEGIN = Date.UTC(2026, 10, 1, 12);
/** As the database has it, so many seconds after the begin. */
const at = (seconds: number) => toSqlDateTime(new Date(BEGIN + seconds * 1_000));
const row = (id: string, seconds: number, name = '') => ({ id, updatedAt: at(seconds), name });

function finish(adding: ReturnType<WatchedOrganization['add']>): AddedPage {
  for (;;) {
    const step = adding.next();
    if (step.done === true) return step.value;
  }
}

/** Reads pages one after the other, each a whole sweep. Returns where each starts, and what is new. */
function sweep(
  organization: WatchedOrganization,
  sweeps: readonly { readonly now: number; readonly rows: readonly ExportRow[] }[],
) {
  return sweeps.map(({ now, rows }) => {
    const { start } = organization.nextPage({ now: BEGIN + now * 1_000, sentAt: now });
    return { start, changes: finish(organization.add({ rows, next: null })).changes };
  });
}

it.each([
  ['the window before the first sweep', [], 0, -60],
  ['an overlap before the newest change', [{ now: 0, rows: [row('a', -3)] }], 1, -13],
  ['the window while the only change is in the future', [{ now: 0, rows: [row('a', 5)] }], 1, -60],
  ['the window before the last sweep while nothing changes', [{ now: 0, rows: [] }], 1, -60],
  ['the same after an outage of an hour', [{ now: 0, rows: [] }], 3_600, -60],
  ['the newest change before an outage', [{ now: 0, rows: [row('a', -3)] }], 3_600, -13],
])('a sweep starts with %s', (_, sweeps, now, seconds) => {
  const organization = new WatchedOrganization('org_demo');
  sweep(organization, sweeps);
  expect(sweep(organization, [{ now, rows: [] }])).toEqual([{ start: at(seconds), changes: 0 }]);
});

it('a sweep of several pages starts where it began again after the last', () => {
  const organization = new WatchedOrganization('org_demo');
  const next = { value: at(-20), id: 'a' };
  organization.nextPage({ now: BEGIN, sentAt: 0 });
  expect(finish(organization.add({ rows: [row('a', -20)], next }))).toEqual({
    changes: 1,
    hasMore: true,
  });
  expect(organization.isCurrent).toBe(false);
  expect(organization.nextPage({ now: BEGIN + 5_000, sentAt: 5 }).start).toEqual(next);
  finish(organization.add({ rows: [row('b', 4)], next: null }));
  expect([organization.isCurrent, organization.readAt]).toEqual([true, 0]);
  expect(sweep(organization, [{ now: 6, rows: [] }])).toMatchObject([{ start: at(-30) }]);
});

it('a state is remembered for a minute after it was seen', () => {
  const organization = new WatchedOrganization('org_demo');
  const late = row('late', -9);
  sweep(organization, [
    { now: 0, rows: [row('a', -1)] },
    { now: 1, rows: [late] },
    { now: 60, rows: [] },
  ]);
  expect(organization.newest('late')).toBe(late);
  expect(organization.newest('a')).toMatchObject({ id: 'a' });
  sweep(organization, [{ now: 70, rows: [] }]);
  expect([organization.newest('late'), organization.newest('a')]).toEqual([undefined, undefined]);
});

it('a state whose time is in the future is remembered until that has passed', () => {
  const organization = new WatchedOrganization('org_demo');
  const rows = [row('a', 100)];
  const sweeps = [0, 70, 140, 150].map((now) => ({ now, rows: now < 150 ? rows : [] }));
  const changes = sweep(organization, sweeps).map((each) => each.changes);
  expect(changes).toEqual([1, 0, 0, 0]);
  sweep(organization, [{ now: 170, rows: [] }]);
  expect(organization.newest('a')).toBeUndefined();
});

it('what changed is recent for 30 s after it was seen, or could be committed when it was there at first', () => {
  const organization = new WatchedOrganization('org_demo');
  sweep(organization, [
    { now: 0, rows: [row('old', -42), row('a', -40)] },
    { now: 1, rows: [row('late', -35)] },
  ]);
  expect(organization.recent().map(({ id }) => id)).toEqual(['a', 'late']);
  sweep(organization, [{ now: 20, rows: [] }]);
  expect(organization.recent().map(({ id }) => id)).toEqual(['late']);
});

it('what changed while a new follower waited for an outage to end is read, and is recent', () => {
  const organization = new WatchedOrganization('org_demo');
  organization.readAt = 0;
  const { start } = organization.nextPage({ now: BEGIN, sentAt: 300_000 });
  expect(start).toBe(at(-360));
  finish(organization.add({ rows: [row('old', -342), row('meanwhile', -290)], next: null }));
  expect(organization.recent().map(({ id }) => id)).toEqual(['meanwhile']);
});

it('20,000 states are remembered, and nothing is read again that is forgotten', () => {
  const organization = new WatchedOrganization('org_demo');
  const rows = [...Array(30_000).keys()].map((index) => row(`${index}`, -5 + index / 10_000));
  expect(sweep(organization, [{ now: 0, rows }])).toMatchObject([{ changes: 30_000 }]);
  expect(organization.recent()).toHaveLength(20_000);
  expect(sweep(organization, [{ now: 1, rows: [] }])).toMatchObject([{ start: at(-3.001) }]);
});

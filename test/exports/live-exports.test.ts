import { describe, expect, it } from '@jest/globals';

import { ExportStatus } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { exportId } from '../support/rows.js';
import { useLive } from './live.js';

const { PROCESSING, COMPLETED } = ExportStatus;
const names = (rows: readonly ({ name?: string } | null)[]) => rows.map((row) => row?.name);

describe.each(engines)('live updates on $engine', (engine) => {
  const live = useLive(engine);

  it('emit the current state of an export and each later one, and complete after the last', async () => {
    await live.insert(1, 500);
    const { rows, emitted, ended } = await live.follow(exportId(1));
    await emitted(1);
    await live.update(1, 0, { name: 'half' });
    await emitted(2);
    await live.update(1, 0, { name: 'done', status: COMPLETED });
    await ended;
    expect(names(rows)).toEqual(['new', 'half', 'done']);
  });

  it('emit null for an unknown export, and read no changes', async () => {
    const { rows, ended } = await live.follow(exportId(1));
    await ended;
    expect(rows).toEqual([null]);
    expect(live.statements).toHaveLength(1);
  });

  it('emit what changed in the 30 s before, and then each change', async () => {
    await live.insert(1, 25);
    await live.insert(2, 35);
    const { rows, emitted } = live.followAll();
    await emitted(1);
    await live.insert(3, 0, { name: 'third' });
    await emitted(2);
    await live.update(2, 0, { name: 'second' });
    await emitted(3);
    expect(names(rows)).toEqual(['new', 'third', 'second']);
  });

  it('emit an export that leaves the filter once', async () => {
    await live.insert(1, 0);
    const { rows, emitted } = live.followAll({ statuses: [PROCESSING] });
    await emitted(1);
    await live.update(1, 0, { status: COMPLETED });
    await emitted(2);
    await live.update(1, 0, { name: 'renamed' });
    await live.polled(3);
    expect(rows.map((row) => row?.status)).toEqual([PROCESSING, COMPLETED]);
  });
});

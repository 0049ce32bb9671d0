import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { matchesFilter, normalizeExportFilter } from '../../src/exports/export-filter.js';
import { ExportStatus, type ExportRow } from '../../src/exports/export.js';
import { PendingList } from '../../src/exports/pending-exports.js';

const { PROCESSING, COMPLETED } = ExportStatus;

/** A step of a run: an export gets a new state, or the consumer takes what is pending. */
const stepArbitrary = fc.oneof(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    status: fc.constantFrom(PROCESSING, COMPLETED),
    requestedBy: fc.constantFrom('ann', 'ann', 'ann', 'bob'),
  }),
  fc.constant('take' as const),
);

it.each([{}, { statuses: [PROCESSING] }])(
  'whatever the order of changes and reads, a list with the filter %j emits the last state of each export that concerns it',
  (input) => {
    const filter = normalizeExportFilter(input);
    const property = fc.property(
      fc.array(stepArbitrary, { maxLength: 6 }),
      fc.array(stepArbitrary, { maxLength: 20 }),
      (before, steps) => {
        const pending = new PendingList({ remove: () => undefined }, 'ann', filter);
        const newest = new Map<string, ExportRow>();
        const emitted: ExportRow[] = [];
        const lastEmitted = (id: string) => emitted.findLast((row) => row.id === id);
        const concerns = (row: ExportRow) =>
          row.requestedBy === 'ann' && matchesFilter(row, filter, new Date());
        const take = () => {
          const row = pending.take();
          if (row === undefined) return false;
          const previous = lastEmitted(row.id);
          expect(row.requestedBy).toBe('ann');
          expect(row).not.toBe(previous);
          // What does not match is emitted once, after what matched.
          const isLeaving = previous !== undefined && matchesFilter(previous, filter, new Date());
          expect(matchesFilter(row, filter, new Date()) || isLeaving).toBe(true);
          expect(row).toBe(newest.get(row.id));
          emitted.push(row);
          return true;
        };
        const change = (step: Exclude<(typeof before)[number], 'take'>) => {
          const row: ExportRow = { ...step, name: 'x' };
          newest.set(row.id, row);
          return row;
        };
        for (const step of before) if (step !== 'take') change(step);
        pending.prime([...newest.values()]);
        for (const step of steps) {
          if (step === 'take') take();
          else pending.onChange(change(step));
        }
        while (take());
        for (const [id, row] of newest) {
          const last = lastEmitted(id);
          if (concerns(row)) expect(last).toBe(row);
          else if (last !== undefined && row.requestedBy === 'ann') {
            expect(matchesFilter(last, filter, new Date())).toBe(false);
          }
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  },
);

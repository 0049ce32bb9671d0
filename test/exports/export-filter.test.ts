import { describe, expect, it } from '@jest/globals';

import { normalizeExportFilter } from '../../src/exports/export-filter.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';

const empty = { resource: null, statuses: [], search: '' };

describe('the canonical form of a filter', () => {
  it.each([
    undefined,
    null,
    {},
    { resource: null, statuses: null, search: null },
    { statuses: [], search: '' },
  ])('is empty for %j', (filter) => {
    expect(normalizeExportFilter(filter)).toEqual(empty);
  });

  it('sorts statuses, removes duplicates, and keeps the resource and the search', () => {
    const { COMPLETED, FAILED, QUEUED } = ExportStatus;
    const kept = { resource: ExportResource.GROUP, search: ' %_Ä🎉 ' };
    const statuses = [QUEUED, FAILED, QUEUED, COMPLETED, FAILED];
    expect(normalizeExportFilter({ ...kept, statuses })).toEqual({
      ...{ ...kept, statuses: [COMPLETED, FAILED, QUEUED] },
    });
  });
});

describe('a search', () => {
  it.each(['x', 'é', '日', '🎉'])(
    'has at most 200 characters (%s), not bytes or halves',
    (each) => {
      expect(normalizeExportFilter({ search: each.repeat(200) }).search).toBe(each.repeat(200));
      expect(() => normalizeExportFilter({ search: each.repeat(201) })).toThrow('at most 200');
    },
  );

  it.each(['\0', 'a\0b', '\ud800', 'a\udc00', '\udc00\ud800', '🎉\ud83c'])(
    'is rejected by name: %j',
    (search) => {
      expect(() => normalizeExportFilter({ search })).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(/^filter\.search must /),
          extensions: { code: 'BAD_USER_INPUT', argument: 'filter.search' },
        }),
      );
    },
  );
});

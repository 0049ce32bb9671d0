import { describe, expect, it } from '@jest/globals';

import type { ExportFilter } from '../../src/exports/export-args.js';
import {
  normalizeExportFilter,
  type FilterViewer,
  type NormalizedExportFilter,
} from '../../src/exports/export-filter.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';

const empty = {
  ...{ resources: null, statuses: null, search: '', requestedBy: null, isExpired: null },
  ...{ createdAt: null, updatedAt: null, isContradictory: false },
};

const { CONTACT, GROUP, OTHER } = ExportResource;
const { FAILED, QUEUED } = ExportStatus;
const nothing = { ...empty, isContradictory: true };
const ann = { requester: 'ann', onlyRequestedBy: 'ann' };
const annOfAll = { requester: 'ann', onlyRequestedBy: null };
const noon = new Date('2026-11-01T12:00:00.000Z');
const later = new Date('2026-11-01T12:00:00.050Z');

type Case = [
  filter: ExportFilter | null | undefined,
  expected: Partial<NormalizedExportFilter>,
  viewer?: FilterViewer,
];

describe('the canonical form of a filter', () => {
  it.each<Case>([
    [undefined, empty],
    [null, empty],
    [{}, empty],
    [{ resource: null, resources: null, statuses: null, search: null, requestedBy: null }, empty],
    [{ mine: null, isExpired: null, createdAt: null, updatedAt: { gte: null, lt: null } }, empty],
    [{ resources: [], statuses: [], search: '', mine: false, createdAt: {} }, empty],
    [{ search: ' \t\u3000 ' }, empty],
    [{ search: ' %_Ä 🎉\n' }, { search: '%_Ä 🎉' }],
    [{ statuses: [QUEUED, FAILED, QUEUED, FAILED] }, { statuses: [FAILED, QUEUED] }],
    [{ statuses: Object.values(ExportStatus) }, empty],
    [{ resource: GROUP }, { resources: [GROUP] }],
    [{ resources: [OTHER, GROUP, OTHER] }, { resources: [GROUP, OTHER] }],
    [{ resources: Object.values(ExportResource) }, empty],
    [{ resource: GROUP, resources: [] }, { resources: [GROUP] }],
    [{ resource: GROUP, resources: [CONTACT, GROUP] }, { resources: [GROUP] }],
    // Its other conditions hold for the facet of the resources.
    [
      { resource: GROUP, resources: [CONTACT], search: 'a' },
      { resources: [], search: 'a' },
    ],
    [{ requestedBy: '' }, { requestedBy: '' }],
    [{ requestedBy: ' ann' }, { requestedBy: ' ann' }],
    [{ mine: true }, { requestedBy: 'ann' }, annOfAll],
    [{ mine: true, requestedBy: 'ann' }, { requestedBy: 'ann' }, annOfAll],
    [{ mine: true, requestedBy: 'Ann' }, nothing, annOfAll],
    [{ mine: true, requestedBy: 'ann' }, empty, ann],
    [{ requestedBy: 'bob' }, nothing, ann],
    [{ isExpired: false }, { isExpired: false }],
    [
      { createdAt: { gte: noon, lt: later } },
      { createdAt: { gte: '2026-11-01 12:00:00', lt: '2026-11-01 12:00:00.05' } },
    ],
    [
      { updatedAt: { gte: later, lt: null } },
      { updatedAt: { gte: '2026-11-01 12:00:00.05', lt: null } },
    ],
    [{ search: 'a', updatedAt: { gte: noon, lt: noon } }, nothing],
    [{ createdAt: { gte: later, lt: noon } }, nothing],
    [
      {
        createdAt: {
          gte: new Date('-000001-12-31T23:00:00Z'),
          lt: new Date('+010000-01-01T00:00:00Z'),
        },
      },
      empty,
    ],
    [{ createdAt: { gte: new Date('+010000-01-01T00:00:00Z') } }, nothing],
    [{ createdAt: { lt: new Date('0001-01-01T00:00:00Z') } }, nothing],
  ])('of %j is %j', (...[filter, expected, viewer]) => {
    expect(normalizeExportFilter(filter, viewer)).toEqual({ ...empty, ...expected });
  });

  it('has no other form for a time that ends in zeros', () => {
    const ranges = ['2026-11-01T12:00:00.5Z', '2026-11-01T13:00:00.500+01:00'].map((time) =>
      normalizeExportFilter({ createdAt: { gte: new Date(time) } }),
    );
    expect(ranges[0]).toEqual(ranges[1]);
  });
});

it('the exports of a viewer without a requester cannot be filtered as its own', () => {
  expect(() => normalizeExportFilter({ mine: true })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^filter\.mine must be false or absent/),
      extensions: { code: 'BAD_USER_INPUT', argument: 'filter.mine' },
    }),
  );
});

describe.each([
  { field: 'search', maxLength: 200 },
  { field: 'requestedBy', maxLength: 255 },
])('the text $field', ({ field, maxLength }) => {
  it.each(['x', 'é', '日', '🎉'])(
    'has at most $maxLength characters (%s), not bytes or halves',
    (each) => {
      const text = each.repeat(maxLength);
      expect(normalizeExportFilter({ [field]: text })).toMatchObject({ [field]: text });
      expect(() => normalizeExportFilter({ [field]: text + each })).toThrow(`at most ${maxLength}`);
    },
  );

  it.each(['\0', 'a\0b', '\ud800', 'a\udc00', '\udc00\ud800', '🎉\ud83c'])(
    'is rejected by name: %j',
    (text) => {
      expect(() => normalizeExportFilter({ [field]: text })).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(`^filter.${field} must `),
          extensions: { code: 'BAD_USER_INPUT', argument: `filter.${field}` },
        }),
      );
    },
  );
});

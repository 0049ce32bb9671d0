import { ExportOrderBy, SortDirection } from './export-filter.js';
import type { ExportRepository } from './export-repository.js';
import { isExpired } from './export-view.js';
import { ExportStatus } from './export.js';

/** The id of a recently completed export that has not expired; undefined if there is none. */
export async function findExampleExportId(
  repository: ExportRepository,
  organization: string,
): Promise<string | undefined> {
  const list = {
    organization,
    filter: { resource: null, statuses: [ExportStatus.COMPLETED], search: '' },
    orderBy: ExportOrderBy.CREATED_AT,
    direction: SortDirection.DESC,
  };
  const window = { start: { offset: 0 }, limit: 20 };
  const recent = await repository.list(list, window, ['id', 'expiresAt']);
  return recent.find((row) => !isExpired(row, new Date()))?.id;
}

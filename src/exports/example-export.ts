import { RequestQueries } from './request-queries.js';
import { ExportOrderBy, ExportSortDirection, normalizeExportFilter } from './export-filter.js';
import type { ExportRepository } from './export-repository.js';
import { isExpired } from './export-view.js';
import { ExportStatus, requiredColumns } from './export.js';

/** The id of a recently completed export that has not expired; undefined if there is none. */
export async function findExampleExportId(
  repository: ExportRepository,
  organization: string,
): Promise<string | undefined> {
  const now = new Date();
  const scope = { organization, onlyRequestedBy: null };
  const list = {
    ...scope,
    filter: normalizeExportFilter({ statuses: [ExportStatus.COMPLETED] }),
    now,
    orderBy: ExportOrderBy.CREATED_AT,
    direction: ExportSortDirection.DESC,
  };
  const window = { offset: 0, limit: 20 };
  const { rows } = await repository.list(
    list,
    window,
    [...requiredColumns, 'expiresAt'],
    new RequestQueries(scope),
  );
  return rows.find((row) => !isExpired(row, now))?.id;
}

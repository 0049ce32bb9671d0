import { ExportFileKind } from '../../src/exports/export-file.js';
import { exportRow, fileRow, type Rows } from '../support/rows.js';

export const indexes = (count: number) => [...Array(count).keys()];

/** The number of exports of the viewer's organization, whose indexes start at 0. */
export const OWN_EXPORTS = 120;
/** The number of exports that have a file of each kind; the others have only a CSV file. */
export const WITH_ALL_FILES = 100;
/** The index of an export of another organization, and one without an export. */
export const [FOREIGN, UNKNOWN] = [OWN_EXPORTS, OWN_EXPORTS + 1];
export const FOREIGN_ORGANIZATION = 'org_other';

const kinds = Object.values(ExportFileKind);

/** Exports of two organizations. */
export const tenantRows: Rows = {
  exports: indexes(UNKNOWN).map((index) =>
    exportRow(index, index === FOREIGN ? { organizationId: FOREIGN_ORGANIZATION } : {}),
  ),
  files: indexes(UNKNOWN).flatMap((index) =>
    kinds
      .filter((kind) => index < WITH_ALL_FILES || kind === ExportFileKind.CSV)
      .map((kind) => fileRow(index, kind)),
  ),
};

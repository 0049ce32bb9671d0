import { ExportFileKind } from '../../src/exports/export-file.js';
import type { EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, fileRow, insertRows } from '../support/rows.js';

/** The exports of the viewer's organization, from 0 on. */
export const ROWS = 110;
/** An export of another organization. */
export const FOREIGN = 110;
/** The export of no row. */
export const UNKNOWN = 999;

/** A gateway with these exports, all of which have all four files. */
export async function startWithOwnAndForeign(database: EngineDatabase): Promise<Gateway> {
  const gateway = await startGateway(database);
  const indexes = [...Array(ROWS).keys()];
  await insertRows(gateway.source, {
    exports: [
      ...indexes.map((index) => exportRow(index)),
      exportRow(FOREIGN, { organizationId: 'org_other' }),
    ],
    files: [...indexes, FOREIGN].flatMap((index) =>
      Object.values(ExportFileKind).map((kind) => fileRow(index, kind)),
    ),
  });
  return gateway;
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Database } from '../../src/database/database.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

describe.each(engines)(
  'the repository on $engine, asked for what another organization has',
  ({ provide }) => {
    let database: EngineDatabase;
    let gateway: Gateway;
    let repository: ExportRepository;

    beforeAll(async () => {
      database = await provide();
      gateway = await startGateway(database);
      repository = new ExportRepository(new Database(gateway.source));
      await insertRows(gateway.source, {
        exports: [exportRow(1)],
        files: [fileRow(1, ExportFileKind.JSON)],
      });
    });

    afterAll(async () => {
      await gateway.close();
      await database.dispose();
    });

    it('gives its owner the export and its file', async () => {
      expect(await repository.findByIds('org_demo', [exportId(1)], ['id'])).toHaveLength(1);
      expect((await repository.filesOf('org_demo', [exportId(1)])).get(exportId(1))).toHaveLength(
        1,
      );
    });

    it('gives nobody else either of them', async () => {
      expect(await repository.findByIds('org_other', [exportId(1)], ['id'])).toEqual([]);
      expect((await repository.filesOf('org_other', [exportId(1)])).size).toBe(0);
    });
  },
);

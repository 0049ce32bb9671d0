import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';

import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { entities } from '../../src/entities.js';

describe.each(engines)(
  'the repository on $engine, asked for what another organization has',
  ({ provide }) => {
    let provided: EngineDatabase;
    let gateway: Gateway;
    let database: Database;
    let repository: ExportRepository;

    beforeAll(async () => {
      provided = await provide();
      gateway = await startGateway(provided);
      database = await openDatabase(provided.config, {
        entities,
        logger: pino({ level: 'silent' }),
      });
      repository = new ExportRepository(database);
      await insertRows(gateway.source, {
        exports: [exportRow(1)],
        files: [fileRow(1, ExportFileKind.JSON)],
      });
    });

    afterAll(async () => {
      await database.close();
      await gateway.close();
      await provided.dispose();
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

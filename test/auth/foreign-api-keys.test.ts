import { expect, it } from '@jest/globals';

import { createTables, createTestDataSource } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { mysql } from '../support/engines.js';
import { startGateway } from '../support/gateway.js';
import { apiKeyRow, keyNamed, listExports, tokensAccepted } from './credentials.js';

describeWith('mysql', 'a table of API keys of another system', () => {
  it('gives no access with keys that it cannot know to be revoked', async () => {
    const database = await mysql.provide();
    const key = keyNamed('Foreign');
    await createTables(database.config, { keys: [apiKeyRow(key, 'org_demo')] });
    const source = await createTestDataSource(database.config);
    await source.initialize();
    await source.query('ALTER TABLE api_keys DROP COLUMN revoked_at');
    await source.destroy();
    const gateway = await startGateway(database, { config: tokensAccepted() });
    try {
      expect((await listExports(gateway, ['X-API-Key', key])).status).toBe(401);
    } finally {
      await gateway.close();
      await database.dispose();
    }
  });
});

import { readDatabaseConfig } from '../config/config.js';
import { manageApiKeys } from './manage-api-keys.js';
import { runCommand } from './run-command.js';

/** `npm run api-key`: creates, lists and revokes the API keys of the configured database. */
await runCommand(async (environment) => {
  const text = await manageApiKeys(process.argv.slice(2), readDatabaseConfig(environment));
  process.stdout.write(`${text}\n`);
});

import { existsSync } from 'node:fs';

import { requiredTables } from '../../auth/authenticate.js';
import type { Config } from '../../config/config.js';
import { redactedUrl } from '../../database/connect.js';
import { openInspection, type Inspection } from '../../database/inspection.js';
import { describeError } from '../../database/mysql-errors.js';
import { entities } from '../../entities.js';
import { StartupError } from '../../errors.js';
import { createLogger } from '../../logger.js';
import { openStorage } from '../../storage/open-storage.js';
import { checkBucketCors, checkFiles } from './files.js';
import { ok, problem, runCheck, type Finding } from './finding.js';
import { checkPlans } from './plans.js';
import { checkRows } from './rows.js';
import { checkIndexes, checkMigrations } from './schema.js';
import { checkClock, checkPrivileges, checkTls, checkVersion } from './server.js';
import { checkKeySet, checkReplica } from './services.js';

/** Runs every check that applies to a configuration. Reads only. `isAll`: rows and files, too. */
export async function inspect(config: Config, isAll: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { auth } = config;
  if (auth.kind === 'required' && auth.jwt?.key.kind === 'jwks') {
    const { url } = auth.jwt.key;
    findings.push(...(await runCheck('keys', () => checkKeySet(url))));
  }
  const opened = await open(config.database);
  findings.push({ ...opened.finding, check: 'connection' });
  if (opened.inspection === null) return findings;
  try {
    findings.push(...(await inspectDatabase(opened.inspection, config, isAll)));
  } finally {
    await opened.inspection.close();
  }
  return findings;
}

async function open(
  database: Config['database'],
): Promise<{ finding: Finding; inspection: Inspection | null }> {
  const name = redactedUrl(database);
  if (database.kind === 'embedded' && !existsSync(database.path)) {
    const message = `There is no database ${name}.`;
    const remedy = 'Set DATABASE_URL, or run npm start, which creates the embedded database.';
    return { finding: problem({ message, remedy }), inspection: null };
  }
  try {
    const inspection = await openInspection(database, entities);
    return { finding: ok(`The database ${name} responds.`), inspection };
  } catch (error) {
    const message = `The database ${name} cannot be used (${describeError(error)}).`;
    const remedy = 'Start it, or correct DATABASE_URL.';
    return { finding: problem({ message, remedy }), inspection: null };
  }
}

async function inspectDatabase(
  inspection: Inspection,
  config: Config,
  isAll: boolean,
): Promise<Finding[]> {
  const { database, auth } = config;
  const findings: Finding[] = [];
  const add = async (check: string, run: Parameters<typeof runCheck>[1]) => {
    const found = await runCheck(check, run);
    findings.push(...found);
    return found.every(({ status }) => status !== 'problem');
  };
  const tables = requiredTables(auth);
  if (database.kind === 'mysql') {
    await add('tls', () => checkTls(inspection, database.primary.host));
    await add('version', () => checkVersion(inspection));
    await add('privileges', () => checkPrivileges(inspection, tables));
    await add('clock', () => checkClock(inspection));
  }
  const isReadable = await add('migrations', () => checkMigrations(inspection, tables));
  if (isReadable) {
    await add('indexes', () => checkIndexes(inspection));
    await add('plans', () => checkPlans(inspection));
    await add('rows', () => checkRows(inspection, isAll));
  }
  await add('files', async () => {
    try {
      const storage = await openStorage(config.files, { logger: createLogger('silent') });
      if (!isReadable) return ok(`The files are in ${storage.place}.`);
      const found = await checkFiles(inspection, storage, isAll);
      return [...found, await checkBucketCors(inspection, storage, config.corsOrigins)];
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      return problem({ message: error.message });
    }
  });
  for (const primary of database.kind === 'mysql' ? database.replicas : []) {
    const replica = await open({ kind: 'mysql', primary, replicas: [] });
    if (replica.inspection === null) {
      const remedy = 'Start it, or correct DATABASE_REPLICA_URLS.';
      findings.push({ ...replica.finding, check: 'replicas', remedy });
      continue;
    }
    const { inspection: there } = replica;
    await add('replicas', () => checkReplica(inspection, there, primary.name));
    await there.close();
  }
  return findings;
}

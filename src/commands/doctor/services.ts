import { createRemoteJWKSet } from 'jose';

import type { Inspection } from '../../database/inspection.js';
import { counted, ok, problem, reasonOf, warning, type Finding } from './finding.js';

const TIMEOUT_MS = 5_000;
const MAX_LAG_S = 10;

/** Fetches the key set as the gateway does. */
export async function checkKeySet(url: string): Promise<Finding> {
  const keySet = createRemoteJWKSet(new URL(url), { timeoutDuration: TIMEOUT_MS });
  try {
    await keySet.reload();
  } catch (error) {
    const message = `The key set at JWT_JWKS_URL cannot be loaded: ${reasonOf(error)}.`;
    return problem({ message, remedy: 'Correct JWT_JWKS_URL, or let this machine reach it.' });
  }
  const keys = keySet.jwks()?.keys ?? [];
  const usable = keys.filter(({ kty, use }) => kty !== 'oct' && (use ?? 'sig') === 'sig');
  if (usable.length > 0) return ok(`The key set has ${counted(usable.length, 'usable key')}.`);
  const message = `None of the ${counted(keys.length, 'key')} in the key set can verify tokens.`;
  return problem({ message, remedy: 'Publish a public key for signatures (RSA, EC or OKP).' });
}

/** How far a replica is behind the primary. */
export async function checkReplica(
  primary: Inspection,
  replica: Inspection,
  name: string,
): Promise<Finding> {
  const obstacle = await replica.schemaProblem(['exports', 'export_files']);
  if (obstacle !== null) {
    const message = `The gateway does not use the replica ${name}: ${obstacle}.`;
    return problem({ message, remedy: 'Migrate the primary, and check the replication.' });
  }
  const lag = await readLag(replica).catch(() => null);
  if (lag === 'stopped') {
    const message = `The replication to ${name} has stopped.`;
    return problem({
      message,
      remedy: 'See SHOW REPLICA STATUS on the replica, and start it again.',
    });
  }
  if (lag !== null) {
    const message = `The replica ${name} is ${lag} s behind.`;
    return lag <= MAX_LAG_S ? ok(message) : warning({ message, remedy: 'Lists show old states.' });
  }
  const [there, here] = [await newestUpdate(primary), await newestUpdate(replica)];
  if (there === here) return ok(`The replica ${name} has the newest update.`);
  return warning({
    message: `The newest update on the replica ${name} is of ${here}, on the primary of ${there}.`,
    remedy: 'Check the replication. With REPLICATION CLIENT the doctor tells the lag in seconds.',
  });
}

/** In seconds; null for a server that does not say, such as a node of a cluster. */
async function readLag({ query }: Inspection): Promise<number | 'stopped' | null> {
  const [row] = await query<Record<string, unknown>>('SHOW REPLICA STATUS');
  if (row === undefined) return null;
  const lag = row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master'] ?? null;
  return lag === null ? 'stopped' : Number(lag);
}

/** Of one organization, because the indexes begin with it. */
async function newestUpdate({ query }: Inspection): Promise<string> {
  const [row] = await query<{ newest: string | null }>(
    'SELECT CAST(MAX(updated_at) AS CHAR) AS newest FROM exports ' +
      'WHERE organization_id = (SELECT organization_id FROM exports LIMIT 1)',
  );
  return row?.newest ?? 'no export';
}

import { TABLES } from '../../database/catalog.js';
import type { Inspection } from '../../database/inspection.js';
import { readGrants } from '../../database/privileges.js';
import { errorCode, toError } from '../../errors.js';
import { ok, problem, warning, type Finding } from './finding.js';

/** Below the load of a gateway, but enough that links and tokens are still valid. */
const MAX_CLOCK_DIFFERENCE_S = 1;

export async function checkTls({ query }: Inspection, host: string): Promise<Finding> {
  const [row] = await query<{ Value: string }>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  const cipher = row?.Value ?? '';
  if (cipher !== '') return ok(`The connection is encrypted (${cipher}).`);
  if (/^(localhost|127\.|\[?::1)/.test(host)) return ok('The connection stays on this machine.');
  const message = `The connection to ${host} is not encrypted.`;
  return warning({ message, remedy: 'Set ssl-mode=VERIFY_IDENTITY in DATABASE_URL.' });
}

export async function checkVersion({ query }: Inspection): Promise<Finding> {
  const [row] = await query<{ version: string }>('SELECT VERSION() AS version');
  const version = row?.version ?? '';
  const isMariaDb = version.includes('MariaDB');
  const [name, oldest] = isMariaDb ? ['MariaDB', [10, 6, 0]] : ['MySQL', [8, 0, 16]];
  // MariaDB may precede its version by 5.5.5-, for old clients.
  const [, ...parts] = /(\d+)\.(\d+)\.(\d+)/.exec(version.replace(/^5\.5\.5-/, '')) ?? [];
  const message = `The server is ${name} ${version}.`;
  return compare(parts.map(Number), oldest) >= 0
    ? ok(message)
    : problem({ message, remedy: `Use ${name} ${oldest.join('.')} or later.` });
}

function compare(left: readonly number[], right: readonly number[]): number {
  const index = right.findIndex((part, at) => part !== left[at]);
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

export async function checkPrivileges(
  { query }: Inspection,
  tables: readonly string[],
): Promise<Finding[]> {
  const [row] = await query<{ name: string; user: string }>(
    'SELECT DATABASE() AS name, CURRENT_USER() AS user',
  );
  const { name: database = '', user = '' } = row ?? {};
  const account = user.replace(/^(.*)@(.*)$/, "'$1'@'$2'");
  const denied: string[] = [];
  for (const table of tables) {
    await query(`SELECT 1 FROM ${table} LIMIT 0`).catch((error: unknown) => {
      // Another check reports tables that do not exist.
      if (errorCode(error)?.includes('DENIED') === true) denied.push(table);
      else if (errorCode(error) !== 'ER_NO_SUCH_TABLE') throw toError(error);
    });
  }
  const findings: Finding[] = [];
  if (denied.length > 0) {
    findings.push(
      problem({
        message: `${user} may not read ${denied.join(', ')}.`,
        remedy: 'Run the GRANT statements.',
        details: denied.map(
          (table) => `GRANT SELECT ON \`${database}\`.\`${table}\` TO ${account};`,
        ),
      }),
    );
  }
  const grants = (await readGrants(query)) ?? [];
  const excess = grants.filter(
    (grant) =>
      TABLES.some((table) => grant.matches(database, table)) &&
      grant.privileges.some((name) => !['SELECT', 'SHOW VIEW', 'PROCESS'].includes(name)),
  );
  if (excess.length > 0) {
    findings.push(
      warning({
        message: `${user} may do more than read. The gateway needs SELECT only.`,
        remedy: 'Give the gateway a user of its own.',
        details: excess.map(({ privileges, on }) => `${privileges.join(', ')} ON ${on}`),
      }),
    );
  }
  return findings.length > 0 ? findings : [ok(`${user} may read the tables, and no more.`)];
}

export async function checkClock({ query, timeZoneOffset }: Inspection): Promise<Finding[]> {
  const sentAt = Date.now();
  const [row] = await query<{ now: string }>('SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now');
  // The server read its clock about halfway.
  const halfway = (sentAt + Date.now()) / 2;
  const ahead = (Date.parse(`${(row?.now ?? '').replace(' ', 'T')}Z`) - halfway) / 1_000;
  const difference = `${Math.abs(ahead).toFixed(1)} s ${ahead < 0 ? 'behind' : 'ahead of'}`;
  const message = `The clock of the server is ${difference} the one of this machine.`;
  const remedy = 'Synchronize both clocks with NTP: expiry, links and tokens depend on them.';
  const clock =
    Math.abs(ahead) <= MAX_CLOCK_DIFFERENCE_S ? ok(message) : problem({ message, remedy });
  if (timeZoneOffset === 0) return [clock];
  const zone = warning({
    message: `NOW() on the server is ${timeZoneOffset / 3_600} h from UTC, and times are UTC here.`,
    remedy: 'Let export workers write UTC_TIMESTAMP(3), or set the time zone of the server to UTC.',
  });
  return [clock, zone];
}

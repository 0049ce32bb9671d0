import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** What some tests require of the machine, and how to provide it. */
export const requirements = {
  mysql: {
    label: 'MySQL and MariaDB',
    howTo:
      'set TEST_DATABASE_URL to the mysql://user:password@host:port/ of a user that may create databases, install mariadbd or mysqld, start Docker, or run as root on a Debian-like system',
  },
  mysqlProgram: {
    label: 'Database outages and server settings, for which tests restart a server of their own',
    howTo:
      'install mariadbd or mysqld, set TEST_MYSQLD to its path, or run as root on a Debian-like system',
  },
  chromium: {
    label: 'Browser',
    howTo:
      'install Chromium or Chrome, set TEST_CHROMIUM to its path, or run as root on a Debian-like system',
  },
  objectStorage: {
    label: 'Object storage that verifies signatures (OpenStack Swift)',
    howTo: 'run on a Debian-like system with python3 that reaches its package mirror',
  },
  proxies: {
    label: 'nginx and HAProxy in front of the gateway',
    howTo: 'run on a Debian-like system with openssl that reaches its package mirror',
  },
  ipv6: { label: 'IPv6', howTo: 'enable IPv6 on the loopback interface' },
} as const;

export type Requirement = keyof typeof requirements;

/** The requirements that the machine does not meet, each with the reason. */
export type Missing = Partial<Record<Requirement, string>>;

/** The machine cannot provide a requirement. Any other error of a provider fails the test run. */
export class UnavailableError extends Error {}

/**
 * Publishes to the test files, which run in other processes, what is missing. `leftOut` is a folder where each
 * requirement that made a test file leave something out becomes an entry.
 */
export function publishMissing(missing: Missing, leftOut: string): void {
  process.env['TEST_MISSING'] = JSON.stringify(missing);
  process.env['TEST_LEFT_OUT'] = leftOut;
}

/** Whether the machine meets the requirement. If not, the end of the test run reports it as not tested. */
export function has(requirement: Requirement): boolean {
  const { TEST_MISSING = '{}', TEST_LEFT_OUT = '' } = process.env;
  if (!(requirement in (JSON.parse(TEST_MISSING) as Missing))) return true;
  mkdirSync(join(TEST_LEFT_OUT, requirement), { recursive: true });
  return false;
}

/** A box that lists which requirements were not tested, why, and how to provide them. */
export function reportNotTested(notTested: readonly Requirement[], missing: Missing): string {
  const lines = notTested.flatMap((requirement) => {
    const { label, howTo } = requirements[requirement];
    const reason = missing[requirement] ?? '';
    return [`Not tested: ${label}`, `    Reason: ${reason}.`, `    To test it, ${howTo}.`, ''];
  });
  const verdict = isCi() ? 'The run fails, because CI=true.' : 'With CI=true, the run would fail.';
  const content = [...lines, verdict].flatMap((line) => line.split('\n'));
  const width = Math.max(...content.map(({ length }) => length));
  const rows = content.map((line) => `│ ${line.padEnd(width)} │`);
  const edge = '─'.repeat(width + 2);
  return [`┌${edge}┐`, ...rows, `└${edge}┘`].join('\n');
}

export function isCi(): boolean {
  return process.env['CI'] === 'true';
}

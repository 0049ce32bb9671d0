import { randomBytes } from 'node:crypto';

import { findApt, findProgram, run, thisMachine } from './apt.js';
import type { Surroundings } from './apt.js';
import { askVersion, createPrivateServer, untilReady } from './private-server.js';

export interface MysqlServer {
  /** `mysql://user:password@host:port/` of a user that may create databases. */
  url: string;
  /** For people: the version, and the variable, program or image that it comes from. */
  provider: string;
  stop(): Promise<void>;
}

/**
 * A MySQL or MariaDB server for the tests, from the first source there is: TEST_DATABASE_URL, a server
 * program on this machine (started privately and thrown away by `stop`), a Docker engine, or, as root,
 * apt-get. Throws one sentence when there is no source at all.
 */
export async function provideMysqlServer(
  surroundings: Surroundings = thisMachine,
): Promise<MysqlServer> {
  const server = await startFirstAvailable(surroundings);
  try {
    const version = await askVersion({ uri: server.url });
    return { ...server, provider: `${version}, from ${server.provider}` };
  } catch (cause) {
    await server.stop();
    throw new Error(`The database server from ${server.provider} does not answer.`, { cause });
  }
}

async function startFirstAvailable(surroundings: Surroundings): Promise<MysqlServer> {
  const { env, folders } = surroundings;
  const given = env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    return { url: given, provider: 'TEST_DATABASE_URL', stop: () => Promise.resolve() };
  }
  const present = findServerProgram(folders);
  if (present !== undefined) return startPrivateServer(present, surroundings);

  if (await dockerAnswers(folders)) return startContainer();

  const install = findApt(folders);
  if (install !== undefined) {
    await install('mariadb-server');
    const installed = findServerProgram(folders);
    if (installed !== undefined) return startPrivateServer(installed, surroundings);
  }
  throw new Error(
    'The tests need a MySQL or MariaDB server: set TEST_DATABASE_URL to the mysql://user:password@host:port/ of a user that may create databases, install mariadbd or mysqld, start Docker, or run as root on a Debian-like system with apt-get.',
  );
}

/** The server program that `provideMysqlServer` would start, if there is one. */
export function findServerProgram(folders: readonly string[]): string | undefined {
  return findProgram(['mariadbd', 'mysqld'], folders);
}

async function startPrivateServer(
  program: string,
  surroundings: Surroundings,
): Promise<MysqlServer> {
  const server = await createPrivateServer(program, surroundings);
  await server.start();
  return { url: server.url, provider: program, stop: () => server.dispose() };
}

/** Asks the engine itself: often only the client is installed, and testcontainers would search for long. */
async function dockerAnswers(folders: readonly string[]): Promise<boolean> {
  const docker = findProgram(['docker'], folders);
  if (docker === undefined) return false;
  return run(docker, ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
}

/** The container is also removed when Jest is killed: testcontainers' own reaper sees to it. */
async function startContainer(): Promise<MysqlServer> {
  const image = 'mysql:8.4';
  // Only here, because loading it takes longer than starting a private server.
  const { GenericContainer } = await import('testcontainers');
  const password = randomBytes(12).toString('hex');
  const container = await new GenericContainer(image)
    .withEnvironment({ MYSQL_ROOT_PASSWORD: password })
    .withCommand(['--character-set-server=utf8mb4', '--skip-log-bin', '--mysqlx=OFF'])
    .withTmpFs({ '/var/lib/mysql': 'rw' })
    .withExposedPorts(3306)
    .withStartupTimeout(180_000)
    .start();
  const url = `mysql://root:${password}@${container.getHost()}:${container.getMappedPort(3306)}/`;
  const stop = async () => {
    await container.stop();
  };
  try {
    await untilReady({ uri: url }, () => false);
  } catch (cause) {
    await stop();
    throw new Error(`The container of ${image} does not answer.`, { cause });
  }
  return { url, provider: `Docker image ${image}`, stop };
}

import { randomBytes } from 'node:crypto';

import { findOrInstall, findProgram, succeeds, thisMachine, type Machine } from './apt.js';
import {
  createPrivateServer,
  findServerProgram,
  queryVersion,
  untilReady,
} from './private-server.js';
import { UnavailableError } from './requirements.js';

export interface MysqlServer {
  /** `mysql://user:password@host:port/` of a user that may create databases. */
  url: string;
  /** The version, and the variable, program or image that it comes from. */
  provider: string;
  stop(): Promise<void>;
}

/**
 * A MySQL or MariaDB server for the tests, from the first available source: TEST_DATABASE_URL, a server program on this
 * machine (started privately; `stop` removes it), a Docker engine, or a server that root installs with apt-get. Throws
 * UnavailableError when there is no source.
 */
export async function provideMysqlServer(machine: Machine = thisMachine): Promise<MysqlServer> {
  const server = await startFirstAvailable(machine);
  try {
    const version = await queryVersion({ uri: server.url });
    return { ...server, provider: `${version}, from ${server.provider}` };
  } catch (cause) {
    await server.stop();
    throw new Error(`The database server from ${server.provider} does not respond.`, { cause });
  }
}

async function startFirstAvailable(machine: Machine): Promise<MysqlServer> {
  const url = machine.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') {
    return { url, provider: 'TEST_DATABASE_URL', stop: () => Promise.resolve() };
  }
  const find = () => findServerProgram(machine);
  if (find() === undefined && (await dockerResponds(machine))) return startContainer();
  const server = await createPrivateServer(
    await findOrInstall(['mariadb-server-core', 'mariadb-client-core'], find, machine),
    machine,
  );
  await server.start();
  return { url: server.url, provider: server.program, stop: () => server.dispose() };
}

/** Checks the engine: often only its client is installed, and testcontainers is slow to fail. */
async function dockerResponds({ folders }: Machine): Promise<boolean> {
  const docker = findProgram(['docker'], folders);
  if (docker === undefined) return false;
  return succeeds(docker, ['info', '--format', '{{.ServerVersion}}'], 5_000);
}

/** testcontainers' reaper also removes the container when Jest is killed. */
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
    .start()
    .catch((cause: unknown) => {
      // The usual cause is an unreachable registry.
      throw new UnavailableError(`Docker does not start ${image} (${String(cause)})`, { cause });
    });
  const url = `mysql://root:${password}@${container.getHost()}:${container.getMappedPort(3306)}/`;
  const stop = async () => {
    await container.stop();
  };
  try {
    await untilReady({ uri: url }, () => false);
  } catch (cause) {
    await stop();
    throw new Error(`The container of ${image} does not respond.`, { cause });
  }
  return { url, provider: `Docker image ${image}`, stop };
}

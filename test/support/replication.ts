import { runSql } from './exports-server.js';
import { isMariaDb, type PrivateServer } from './private-server.js';

export type Replication = Awaited<ReturnType<typeof replicationOf>>;

const mariaDb = {
  options: ['--binlog-format=ROW', '--slave-net-timeout=2', '--master-retry-count=0'],
  follow: (port: string) =>
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port}, MASTER_USER = 'root',
     MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos`,
  start: 'START SLAVE',
  position: 'SELECT @@gtid_binlog_pos AS position',
  wait: 'SELECT MASTER_GTID_WAIT(?, 20) AS result',
};

const mysql: typeof mariaDb = {
  options: [
    ...['--gtid-mode=ON', '--enforce-gtid-consistency=ON'],
    // After a crash, the replica fetches the events that it has not yet applied again.
    ...['--relay-log-recovery=ON', '--replica-net-timeout=2'],
  ],
  follow: (port) =>
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${port}, SOURCE_USER = 'root',
     SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0, SOURCE_AUTO_POSITION = 1`,
  start: 'START REPLICA',
  position: 'SELECT @@gtid_executed AS position',
  wait: 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 20) AS result',
};

/** Replication by global transaction ids between private servers of one program, MariaDB or MySQL. */
export async function replicationOf(program: string) {
  const dialect = (await isMariaDb(program)) ? mariaDb : mysql;
  return {
    /** The options to start the server of this id with. */
    serverOptions: (id: number) => [`--server-id=${id}`, '--log-bin=binlog', ...dialect.options],
    /** Makes a started server, without data so far, a replica of the primary. */
    async follow(replica: PrivateServer, primary: PrivateServer) {
      await runSql(replica.url, dialect.follow(new URL(primary.url).port));
      await runSql(replica.url, dialect.start);
    },
    /** Resolves when the replica has everything that the primary has now. */
    async untilCaughtUp(replica: PrivateServer, primary: PrivateServer) {
      const [reached] = await runSql(primary.url, dialect.position);
      const [row] = await runSql(replica.url, dialect.wait, [reached?.['position']]);
      if (Number(row?.['result']) !== 0) throw new Error('The replica did not catch up in 20 s.');
    },
  };
}

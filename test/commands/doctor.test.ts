import 'reflect-metadata';

import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { checkClock, checkTls, checkVersion } from '../../src/commands/doctor/server.js';
import { inspect } from '../../src/commands/doctor/inspect.js';
import type { Finding } from '../../src/commands/doctor/finding.js';
import { readConfig, type Config } from '../../src/config/config.js';
import type { AuthConfig } from '../../src/config/auth.js';
import { openInspection, type Inspection } from '../../src/database/inspection.js';
import { entities } from '../../src/entities.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { createLogger } from '../../src/logger.js';
import { writeToStorage } from '../../src/sample/file-writer.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { freePort } from '../support/private-server.js';
import { exportId, exportRow, exportRows, fileRow, insertRows } from '../support/rows.js';
import { startSwift, type SwiftServer } from '../support/swift-server.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const past = new Date('2024-01-02T03:04:05.678Z');
const file = fileRow(0, ExportFileKind.CSV, { sizeBytes: 3 });
const rows = {
  exports: exportRows(3, () => ({ createdAt: past, updatedAt: past })),
  files: [file],
};

type Expected = Partial<Omit<Finding, 'message' | 'details'>> & {
  message: RegExp;
  details?: readonly RegExp[];
};

/** Expects exactly these findings besides those that are in order. */
function expectFindings(findings: readonly Finding[], expected: readonly Expected[]): void {
  const faults = findings.filter(({ status }) => status !== 'ok');
  expect(faults).toEqual(
    expected.map(({ message, details, ...rest }) => ({
      check: expect.any(String),
      status: 'problem',
      ...rest,
      message: expect.stringMatching(message),
      remedy: expect.any(String),
      details: details?.map((each) => expect.stringMatching(each)) ?? expect.any(Array),
    })),
  );
}

describe.each(engines)('the doctor on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let source: DataSource;
  let folder: string;
  const isMysql = engine === 'MySQL';
  const objectPath = () => join(folder, file.objectKey);

  beforeEach(async () => {
    database = await provide();
    await createTables(database.config, rows);
    source = await createTestDataSource(database.config);
    await source.initialize();
    folder = await mkdtemp(join(tmpdir(), 'doctor-test-'));
    await mkdir(dirname(objectPath()), { recursive: true });
    await writeFile(objectPath(), 'abc');
  });
  afterEach(async () => {
    await source.destroy();
    await database.dispose();
    await rm(folder, { recursive: true });
  });

  function examine(changes: Partial<Config> = {}, isAll = false): Promise<Finding[]> {
    const config = readConfig({ FILES_URL: `file:${folder}` });
    return inspect({ ...config, database: database.config, ...changes }, isAll);
  }
  /** The user of the tests may do everything. */
  const faultsOf = async (changes?: Partial<Config>, isAll?: boolean) =>
    (await examine(changes, isAll)).filter(({ check }) => check !== 'privileges');
  const run = async (...statements: string[]) => {
    for (const sql of statements) await source.query(sql);
  };
  const update = (values: string) =>
    run(`UPDATE exports SET ${values} WHERE id = '${exportId(1)}'`);

  it('finds nothing where everything is in order, and checks everything', async () => {
    const findings = await faultsOf();
    expectFindings(findings, []);
    const server = isMysql ? ['tls', 'version', 'clock'] : [];
    const own = ['migrations', 'indexes', 'plans', 'rows', 'files', 'files'];
    expect(findings.map(({ check }) => check)).toEqual(['connection', ...server, ...own]);
  });

  type Fault = [name: string, plant: () => Promise<unknown>, ...expected: Expected[]];
  const faults: Fault[] = [
    [
      'a row with an invalid value',
      async () => {
        if (isMysql) await run('ALTER TABLE exports MODIFY created_at DATETIME(3) NULL');
        await update(isMysql ? 'created_at = NULL' : "created_at = 'soon'");
      },
      {
        check: 'rows',
        message: /: 1 export\.$/,
        details: [new RegExp(`^${exportId(1)}: created_at$`)],
      },
    ],
    [
      'an export that no worker updates',
      () => update(`status = '${ExportStatus.PROCESSING}'`),
      {
        check: 'rows',
        status: 'warning',
        message: /^PROCESSING without an update .*: 1 export\.$/,
        details: [new RegExp(`^${exportId(1)}: updated at 2024-01-02 03:04:05`)],
      },
    ],
    [
      'an export of the future',
      () => update("created_at = '2999-01-01 00:00:00.000'"),
      {
        check: 'rows',
        message: /^created_at lies in the future: 1 export\.$/,
        details: [new RegExp(exportId(1))],
      },
    ],
    [
      'a negative count',
      () => update('count_processed = -1'),
      {
        check: 'rows',
        status: 'warning',
        message: /^A count is negative: 1 export\.$/,
        details: [new RegExp(`^${exportId(1)}: count_processed is -1$`)],
      },
    ],
    [
      'a missing object',
      () => unlink(objectPath()),
      {
        check: 'files',
        message: /: 1 file of 1\.$/,
        details: [/^exp_\w+ csv \(exports\/.*\): is missing$/],
      },
    ],
    [
      'an object of another size',
      () => truncate(objectPath(), 2),
      { check: 'files', message: /another size/, details: [/: 2 bytes instead of 3$/] },
    ],
    [
      'a missing index',
      () => run(`DROP INDEX exports_by_resource_and_status${isMysql ? ' ON exports' : ''}`),
      {
        check: 'indexes',
        message: /^Indexes missing or disabled: 1\./,
        details: [
          /^CREATE INDEX exports_by_resource_and_status ON exports \(organization_id, resource, status, expires_at\);$/,
        ],
      },
    ],
    [
      'a migration that has not run',
      () => run("DELETE FROM exports_gateway_migrations WHERE name LIKE 'CoverRequesters%'"),
      {
        check: 'migrations',
        status: 'warning',
        message: /^Migrations that have not run: 1\./,
        details: [/^CoverRequesters/],
      },
    ],
    [
      'a missing column',
      () => run('ALTER TABLE exports DROP COLUMN failure_reason'),
      { check: 'migrations', message: /^The gateway does not start: the table exports lacks/ },
    ],
  ];
  it.each(faults)('finds %s', async (_, plant, ...expected) => {
    await plant();
    expectFindings(await faultsOf(), expected);
  });

  it('finds statements that read or sort a whole table', async () => {
    const more = { createdAt: past, updatedAt: past };
    const many = Array.from({ length: 1_500 }, (_, index) => exportRow(index + 10, more));
    await insertRows(source, { exports: many });
    const on = isMysql ? ' ON exports' : '';
    const { indices } = source.getMetadata('Export');
    for (const { name } of indices) await run(`DROP INDEX ${name}${on}`);
    if (isMysql) await run('ANALYZE TABLE exports');
    const findings = await faultsOf();
    expectFindings(findings, [
      { check: 'indexes', message: /^Indexes missing or disabled: 7\./ },
      {
        check: 'plans',
        message: /^Statements that read or sort more rows than they need: \d+ of \d+\.$/,
      },
    ]);
    const plans = findings.find(({ check }) => check === 'plans')?.details.join('\n');
    expect(plans).toMatch(/^list by CREATED_AT with no filter: (reads|sorts|SCAN) .*exports/m);
    expect(plans).not.toMatch(/look-up by id/);
  });

  it('examines a sample of the files, and all with --all', async () => {
    const files = rows.exports.flatMap((_, index) =>
      Object.values(ExportFileKind).map((kind) => fileRow(index, kind, { objectKey: 'no' })),
    );
    const exports = exportRows(30, (index) => ({ id: `x${String(index).padStart(3, '0')}` }));
    const more = exports.flatMap(({ id }) =>
      files.slice(0, 4).map((each) => Object.assign({}, each, { exportId: id })),
    );
    await insertRows(source, { exports, files: more });
    expectFindings(await faultsOf(), [{ message: /: 49 files of 50\.$/ }]);
    expectFindings(await faultsOf({}, true), [{ message: /: 120 files of 121\.$/ }]);
  });

  it('cannot write', async () => {
    const inspection = await openInspection(database.config, entities);
    await expect(inspection.query('DELETE FROM exports')).rejects.toThrow(/read.?only/i);
    await inspection.close();
  });
});

describe('the doctor of tokens', () => {
  const nowhere = { kind: 'embedded', path: '/there/is/none' } as const;
  const missing = { check: 'connection', message: /^There is no database/ };
  const auth = (url: string): AuthConfig => ({
    kind: 'required',
    jwt: {
      ...{ key: { kind: 'jwks', url }, issuer: 'i', audience: 'a', organizationClaim: 'org_id' },
      ...{ requesterClaim: null, allExportsScope: null, filesScope: null },
    },
  });
  const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

  it.each<[name: string, status: number, keys: readonly object[], expected: Expected | null]>([
    ['keys that verify', 200, [key], null],
    ['no keys', 200, [], { check: 'keys', message: /^None of the 0 keys/ }],
    ['a secret', 200, [{ kty: 'oct', k: 'k' }], { message: /^None of the 1 key in/ }],
    ['a key for encryption', 200, [{ ...key, use: 'enc' }], { message: /^None of the 1 key in/ }],
    ['an error', 500, [], { message: /cannot be loaded/ }],
  ])('judges a key set with %s', async (_, status, keys, expected) => {
    const server = createServer((__, response) => {
      response.writeHead(status).end(JSON.stringify({ keys }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const config = { ...readConfig({}), database: nowhere, auth: auth(`http://127.0.0.1:${port}`) };
    expectFindings(await inspect(config, false), [...(expected ? [expected] : []), missing]);
    server.close();
  });

  it('tells why a key set cannot be fetched', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const config = { ...readConfig({}), database: nowhere, auth: auth(url) };
    const message = /cannot be loaded: fetch failed \(.*ECONNREFUSED/;
    expectFindings(await inspect(config, false), [{ check: 'keys', message }, missing]);
  });
});

describeWith('mysql', 'the doctor of a server', () => {
  let database: TestDatabase;
  let user: Awaited<ReturnType<TestDatabase['createUser']>>;
  let inspection: Inspection;

  beforeEach(async () => {
    database = await createTestDatabase();
    user = await database.createUser();
    await createTables(mysqlConfig(database.url), { exports: rows.exports });
    inspection = await openInspection(mysqlConfig(database.url), entities);
  });
  afterEach(async () => {
    await inspection.close();
    await database.drop();
  });

  const examine = (url: string, replicaUrls: string[] = []) =>
    inspect({ ...readConfig({}), database: mysqlConfig(url, replicaUrls) }, false);
  const schema = () => new URL(database.url).pathname.slice(1);
  const grant = (privileges: string, table = '*') =>
    database.query(`GRANT ${privileges} ON ${schema()}.${table} TO ?@?`, [user.name, '%']);
  /** A connection whose server answers differently: none here has such a clock or version. */
  const pretend = (from: string, to: string): Inspection => ({
    ...inspection,
    query: (sql, parameters) => inspection.query(sql.replace(from, to), parameters),
  });

  it('finds a user that may do more than read, and none where it may not', async () => {
    await grant('SELECT');
    expectFindings(await examine(user.url), []);
    await grant('INSERT, DROP');
    expectFindings(await examine(user.url), [
      {
        check: 'privileges',
        status: 'warning',
        message: /may do more than read/,
        details: [/^SELECT, INSERT, DROP ON test_/],
      },
    ]);
  });

  it('finds a table that the user may not read, with the GRANT', async () => {
    for (const table of ['exports', 'api_keys', 'exports_gateway_migrations']) {
      await grant('SELECT', table);
    }
    const sql = new RegExp(`^GRANT SELECT ON \`${schema()}\`.\`export_files\` TO '${user.name}'`);
    const findings = await examine(user.url);
    expectFindings(
      findings.filter(({ check }) => check === 'privileges'),
      [{ message: /may not read export_files/, details: [sql] }],
    );
  });

  it('knows no migration to be missing where the user may read only the tables of the gateway', async () => {
    for (const table of ['exports', 'export_files', 'api_keys']) await grant('SELECT', table);
    expectFindings(await examine(user.url), []);
  });

  it('does not wait until another session unlocks a table', async () => {
    await database.query('LOCK TABLES exports WRITE');
    const findings = await examine(database.url).finally(() => database.query('UNLOCK TABLES'));
    const message = /Lock wait timeout exceeded/;
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'migrations', message: expect.stringMatching(message) }),
    );
  });

  it('finds a server that does not respond', async () => {
    const findings = await examine('mysql://nobody@127.0.0.1:1/exports');
    expectFindings(findings, [{ check: 'connection', message: /ECONNREFUSED/ }]);
  });

  it.each([
    ["'10.5.9-MariaDB'", 'problem'],
    ["'5.5.5-10.6.0-MariaDB'", 'ok'],
    ["'11.4.2-MariaDB-log'", 'ok'],
    ["'8.0.15'", 'problem'],
    ["'8.0.16'", 'ok'],
    ["'9.7.4-2'", 'ok'],
  ])('judges the version %s', async (version, status) => {
    expect(await checkVersion(pretend('VERSION()', version))).toMatchObject({ status });
  });

  it('finds a clock that differs and a time zone that is not UTC', async () => {
    const ahead = pretend('UTC_TIMESTAMP(3)', 'UTC_TIMESTAMP(3) + INTERVAL 90 SECOND');
    const findings = await checkClock({ ...ahead, timeZoneOffset: 7_200 });
    expectFindings(findings, [
      { message: /^The clock of the server is (90|89)\.\d s ahead of/ },
      { status: 'warning', message: /^NOW\(\) on the server is 2 h from UTC/ },
    ]);
  });

  it('finds a connection to another machine that is not encrypted', async () => {
    const plain = pretend('Ssl_cipher', 'there_is_none');
    const finding = await checkTls(plain, 'db.example.com');
    expectFindings([finding], [{ status: 'warning', message: /is not encrypted/ }]);
    expect(await checkTls(plain, '127.0.0.1')).toMatchObject({ status: 'ok' });
  });

  it('finds that a view converts ids, so that each look-up reads all rows', async () => {
    await grant('SELECT');
    const sql = [
      'ALTER TABLE exports RENAME jobs',
      `CREATE VIEW exports AS SELECT CONCAT(id, '') AS id, organization_id, name, resource, status,
         count_total, created_at, updated_at FROM jobs`,
      `INSERT INTO jobs (id, organization_id, name, resource, status, created_at, updated_at)
       SELECT CONCAT('x', seq), 'org_demo', 'x', 'contact', 'completed', '2024-01-01', '2024-01-01'
       FROM (WITH RECURSIVE s AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM s WHERE seq < 990)
         SELECT seq FROM s) numbers`,
    ];
    for (const each of sql) await database.query(each);
    expectFindings(await examine(user.url), []);
    await database.query(sql[2]?.replace("'x', seq", "'y', seq") ?? '');
    await database.query('ANALYZE TABLE jobs');
    const denied = { check: 'plans', status: 'warning', message: /^The user may not see/ } as const;
    expectFindings(await examine(user.url), [denied]);
    await grant('SHOW VIEW');
    const findings = await examine(user.url);
    expectFindings(findings, [{ check: 'plans', message: /^Statements that read/ }]);
    expect(findings.find(({ check }) => check === 'plans')?.details.join('\n')).toMatch(
      /^look-up by id: reads about \d+ rows of jobs$/m,
    );
  });

  it('finds replicas that are down, without tables and behind', async () => {
    await grant('SELECT');
    const replica = await createTestDatabase();
    const { url } = replica;
    const down = 'mysql://nobody@127.0.0.1:1/exports';
    const check = 'replicas';
    expectFindings(await examine(user.url, [url, down]), [
      { check, message: /^The gateway does not use the replica .* doesn't exist/ },
      { check, message: /ECONNREFUSED/ },
    ]);
    const older = exportRow(0, { createdAt: past, updatedAt: new Date(past.getTime() - 60_000) });
    await createTables(mysqlConfig(url), { exports: [older] });
    expectFindings(await examine(user.url, [url]), [
      { check, status: 'warning', message: /is of 2024-01-02 03:03:05.* of 2024-01-02 03:04:05/ },
    ]);
    expectFindings(await examine(user.url, [user.url]), []);
    await replica.drop();
  });
});

describeWith('objectStorage', 'the doctor of a bucket', () => {
  const built = useBuiltGateway();
  let server: SwiftServer;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = await startSwift();
    const endpoint = `http://localhost:${server.port}`;
    env = {
      FILES_URL: `s3://exports/?region=us-east-1&endpoint=${endpoint}&forcePathStyle=true`,
      ...server.environment,
    };
    Object.assign(process.env, env);
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: 'exports' }));
  });
  afterAll(() => server.stop());

  /** Runs the command on an embedded database with one export and its file. */
  async function examine(changes: Record<string, string> = {}, args: string[] = []) {
    const path = join(built.folder, 'data/exports.sqlite');
    await mkdir(dirname(path), { recursive: true });
    if ((await readdir(dirname(path))).length === 0) {
      await createTables({ kind: 'embedded', path }, rows);
    }
    const program = built.command('doctor', built.folder, { args, env: { ...env, ...changes } });
    const status = await program.ended;
    const [json] = program.log as readonly { readonly findings?: readonly Finding[] }[];
    const output = program.log.map(({ msg }) => msg).join('\n');
    return { status, output, findings: json?.findings ?? [] };
  }

  it('finds missing objects, refused credentials and pages without access, and prints them', async () => {
    const storage = await openStorage(readConfig({ FILES_URL: env['FILES_URL'] }).files, {
      logger: createLogger('silent'),
    });
    expect(await examine()).toMatchObject({
      status: 1,
      output: expect.stringMatching(
        /problem +files +Missing or of another size: 1 file of 1\.[^]*is missing/,
      ),
    });
    const { objectKey } = file;
    await writeToStorage(storage, { objectKey, content: Buffer.from('abc') });
    const { status, output } = await examine({ CORS_ORIGINS: 'https://app.example.com' });
    expect(output).toMatch(/warning +files .* does not let pages of https:\/\/app\.example\.com/);
    expect([status, /problem/.exec(output)]).toEqual([0, null]);
    const denied = await examine({ AWS_SECRET_ACCESS_KEY: 'wrong' }, ['--json']);
    expectFindings(denied.findings, [
      {
        message: /^The storage denies 1 file of 1\.$/,
        details: [/HTTP 403 SignatureDoesNotMatch$/],
      },
    ]);
    expect(denied.status).toBe(1);
  });

  it('reports every mistake in the configuration, and no database in production', async () => {
    const { status, output } = await examine({ PORT: 'x', DATABASE_URL: 'mysql://host' });
    expect(status).toBe(1);
    expect(output).toMatch(/^problem +configuration +PORT[^]*^problem +configuration +DATABASE_U/m);
    const { output: production } = await examine({ NODE_ENV: 'production' });
    expect(production).toMatch(/^problem +configuration +DATABASE_URL is not set/);
  });
});

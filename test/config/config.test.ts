import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { readConfig, readDatabaseConfig, type Config } from '../../src/config/config.js';
import type { Environment } from '../../src/config/settings.js';
import { StartupError } from '../../src/errors.js';

const password = 'pa55-horse-battery';
const secret = 'a secret of thirty-two characters';
const mysql = `mysql://reader:${password}@db.example.com:3306/exports`;
/** The smallest environment of a gateway with a database server. */
const withServer = { DATABASE_URL: mysql, FILES_SIGNING_SECRET: secret, AUTH: 'off' };
const primary = {
  name: 'mysql://db.example.com:3306/exports',
  ...{ host: 'db.example.com', port: 3306, socketPath: null },
  ...{ user: 'reader', password, database: 'exports', connectionLimit: 10 },
  tls: { mode: 'PREFERRED' },
};
const server = {
  database: { kind: 'mysql', primary, replicas: [] },
  seedSamples: false,
  sampleWorker: false,
};
const required = { AUTH: 'required' };
const bucketUrl = 's3://exports?region=eu';
const jwksUrl = 'https://login.example.com/jwks.json';
const byRequester = { JWT_REQUESTER_CLAIM: 'r', JWT_ALL_EXPORTS_SCOPE: 'a:b' };
const localJwks = 'http://localhost:8080/keys';

function problems(environment: Environment, read: (from: Environment) => unknown = readConfig) {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof StartupError) return error.problems;
    throw error;
  }
  throw new Error(`No problem was reported for ${JSON.stringify(environment)}`);
}

/** Expects one problem for each text, in this order, each beginning with it. */
function expectProblems(environment: Environment, beginnings: readonly string[]): void {
  const found = problems(environment);
  expect(found.map((problem, i) => problem.slice(0, beginnings[i]?.length))).toEqual(beginnings);
  for (const problem of found) expect(problem).toMatch(/^[A-Z_]+ .+\.$/);
}

/** One case for each of the values, which ` | ` separates, with the name of its group. */
const cases = (groups: Record<string, string>) =>
  Object.entries(groups).flatMap(([group, values]) =>
    values.split(' | ').map((value): [group: string, value: string] => [group, value]),
  );

const subjects = (environment: Environment) =>
  problems(environment).map((problem) => problem.split(' ', 1)[0]);

describe('readConfig', () => {
  const defaults: Config = {
    port: 4000,
    host: '127.0.0.1',
    managementPort: null,
    publicUrl: null,
    hsts: null,
    keepAliveTimeout: 75,
    shutdownDelay: null,
    database: { kind: 'embedded', path: 'data/exports.sqlite' },
    seedSamples: true,
    sampleWorker: true,
    reread: null,
    files: {
      kind: 'local',
      directory: 'data/files',
      secret: { file: 'data/signing-secret' },
      linkTtl: 900,
    },
    auth: { kind: 'off', organization: 'org_demo' },
    trustProxy: false,
    corsOrigins: [],
    graphiql: true,
    costPerSecond: null,
    livePollInterval: 1_000,
    liveMaxSubscriptions: 10_000,
    introspection: true,
    trustedDocuments: null,
    logLevel: 'info',
    tracing: false,
  };
  const local = (changes: object) => ({ files: { ...defaults.files, ...changes } });
  const withLocalServer = { ...server, ...local({ secret: { values: [secret] } }) };
  const root = { name: 'exports', prefix: '', region: 'eu', endpoint: null, forcePathStyle: false };
  const s3 = (bucket: object) => ({
    files: { kind: 's3', bucket: { ...root, ...bucket }, linkTtl: 900 },
  });
  const claims = {
    ...{ issuer: null, audience: null, organizationClaim: 'org_id' },
    ...{ requesterClaim: null, allExportsScope: null, filesScope: null },
  };
  const withoutJwt = { auth: { kind: 'required', jwt: null } };
  const tokens = (jwt: object) => ({ auth: { kind: 'required', jwt: { ...claims, ...jwt } } });
  const key = { kind: 'secret', secret };
  const withSecret = { ...required, JWT_SECRET: secret };
  const otlp = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  const replicaUrls = ['mysql://reader:a%2Cb@replica/exports', 'mysql://reader@[::1]:3307/exports'];
  const replicas = [
    { ...primary, name: 'mysql://replica/exports', host: 'replica', password: 'a,b' },
    { ...primary, name: 'mysql://[::1]:3307/exports', host: '::1', port: 3307, password: '' },
  ];

  it('reads nothing but the given environment', () => {
    const original = process.env;
    process.env = { ...original, PORT: '1', HOST: '127.0.0.9', NODE_ENV: 'production' };
    try {
      expect(readConfig({})).toEqual(defaults);
    } finally {
      process.env = original;
    }
  });

  it('treats an empty variable as unset', () => {
    const names = [...Object.keys(invalid), 'HOST', 'NODE_ENV', 'JWT_ISSUER', 'JWT_AUDIENCE'];
    const empty = Object.fromEntries(names.map((name) => [name, '']));
    expect(readConfig(empty)).toEqual(defaults);
  });

  it.each<[environment: Environment, expected: object]>([
    [{}, {}],
    [{ PORT: '0' }, { port: 0 }],
    [{ HOST: 'localhost' }, { host: 'localhost' }],
    [{ HOST: '::1' }, { host: '::1' }],
    [{ HOST: '127.8.9.10' }, { host: '127.8.9.10' }],
    [{ PUBLIC_URL: 'http://10.0.0.1:8080/' }, { publicUrl: 'http://10.0.0.1:8080' }],
    [{ PUBLIC_URL: 'https://a/b%20c/d/' }, { publicUrl: 'https://a/b%20c/d' }],
    [{ MANAGEMENT_PORT: '9090' }, { managementPort: 9090 }],
    [
      { MANAGEMENT_PORT: '0', PORT: '0' },
      { port: 0, managementPort: 0 },
    ],
    [{ HSTS: 'off' }, { hsts: null }],
    [{ HSTS: '31536000' }, { hsts: 31_536_000 }],
    [{ KEEP_ALIVE_TIMEOUT: '620' }, { keepAliveTimeout: 620 }],
    [{ SHUTDOWN_DELAY: '0' }, { shutdownDelay: 0 }],
    [{ TRUST_PROXY: 'on' }, { trustProxy: true }],
    [{ GRAPHIQL: 'off' }, { graphiql: false }],
    [{ INTROSPECTION: 'off' }, { introspection: false }],
    [{ SAMPLE_WORKER: 'off' }, { sampleWorker: false }],
    [{ ...withServer, SAMPLE_WORKER: 'on' }, withLocalServer],
    [{ COST_PER_SECOND: 'off' }, { costPerSecond: null }],
    [{ COST_PER_SECOND: '5000' }, { costPerSecond: 5_000 }],
    [{ LIVE_POLL_INTERVAL: '100' }, { livePollInterval: 100 }],
    [{ LIVE_MAX_SUBSCRIPTIONS: '1' }, { liveMaxSubscriptions: 1 }],
    [{ NODE_ENV: 'production' }, { graphiql: false, introspection: false }],
    [{ NODE_ENV: 'production', GRAPHIQL: 'on' }, { introspection: false }],
    [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
    [{ CORS_ORIGINS: 'https://a/, http://b:1' }, { corsOrigins: ['https://a', 'http://b:1'] }],
    [{ OTEL_SERVICE_NAME: 'exports' }, { tracing: false }],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, { tracing: true }],
    [otlp, { tracing: true }],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' }, { tracing: true }],
    [{ ...collector, OTEL_TRACES_EXPORTER: 'none' }, { tracing: false }],
    [{ OTEL_TRACES_EXPORTER: 'zipkin', OTEL_SDK_DISABLED: 'True' }, { tracing: false }],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { tracing: false }],
    [{ FILES_URL: 'file:elsewhere' }, local({ directory: 'elsewhere' })],
    [{ FILES_URL: 'file:///srv/my%20exports' }, local({ directory: '/srv/my exports' })],
    [{ FILES_SIGNING_SECRET: secret }, local({ secret: { values: [secret] } })],
    [{ FILES_URL_TTL: '604800' }, local({ linkTtl: 604_800 })],
    [{ FILES_URL: 's3://exports/?region=eu&forcePathStyle=false' }, s3({})],
    [{ FILES_URL: `${bucketUrl}&forcePathStyle=true` }, s3({ forcePathStyle: true })],
    [{ FILES_URL: 's3://my.b/a/b%20c/?region=eu' }, s3({ name: 'my.b', prefix: 'a/b c' })],
    [{ FILES_URL: 's3://Our_Bucket//a?region=eu' }, s3({ name: 'Our_Bucket', prefix: '/a' })],
    [{ FILES_URL: `${bucketUrl}&endpoint=http://s3:90/b/` }, s3({ endpoint: 'http://s3:90/b' })],
    [withServer, withLocalServer],
    // A bucket needs no secret of the gateway.
    [
      { DATABASE_URL: mysql, FILES_URL: bucketUrl, AUTH: 'off' },
      { ...s3({}), ...server },
    ],
    [
      { ...withServer, DATABASE_REPLICA_URLS: replicaUrls.join(', ') },
      { ...withLocalServer, database: { ...server.database, replicas } },
    ],
    ...Object.entries({
      'ssl-mode=DISABLED': { tls: null },
      'ssl-mode=verify_identity&connectionLimit=3': {
        ...{ tls: { mode: 'VERIFY_IDENTITY' }, connectionLimit: 3 },
      },
      'socketPath=/run/mysqld.sock': {
        ...{ socketPath: '/run/mysqld.sock', name: `${primary.name}?socketPath=/run/mysqld.sock` },
      },
    }).map(([query, changes]): [Environment, object] => [
      { ...withServer, DATABASE_URL: `${mysql}?${query}` },
      { ...withLocalServer, database: { ...server.database, primary: { ...primary, ...changes } } },
    ]),
    [{ AUTH: 'off' }, {}],
    [required, withoutJwt],
    ...['0.0.0.0', '::', '127.0.0.1.example.com', 'localhost.example.com'].map(
      (host): [Environment, object] => [{ HOST: host }, { host, ...withoutJwt }],
    ),
    [{ HOST: '::', AUTH: 'off' }, { host: '::' }],
    [withSecret, tokens({ key })],
    [
      { ...withSecret, JWT_ISSUER: 'i', JWT_AUDIENCE: 'a', JWT_ORGANIZATION_CLAIM: 'c' },
      tokens({ key, issuer: 'i', audience: 'a', organizationClaim: 'c' }),
    ],
    [
      { ...withSecret, ...byRequester, JWT_FILES_SCOPE: 'f' },
      tokens({ key, requesterClaim: 'r', allExportsScope: 'a:b', filesScope: 'f' }),
    ],
    [{ ...required, JWT_JWKS_URL: jwksUrl }, tokens({ key: { kind: 'jwks', url: jwksUrl } })],
    [{ ...required, JWT_JWKS_URL: localJwks }, tokens({ key: { kind: 'jwks', url: localJwks } })],
    [
      { ...withServer, AUTH: '' },
      { ...withLocalServer, ...withoutJwt },
    ],
    [{ ORGANIZATION: 'o'.repeat(64) }, { auth: { kind: 'off', organization: 'o'.repeat(64) } }],
  ])('reads %j', (environment, expected) => {
    expect(readConfig(environment)).toEqual({ ...defaults, ...expected });
  });

  describe('JWT_PUBLIC_KEY', () => {
    const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey;
    const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;
    const ed25519 = generateKeyPairSync('ed25519');

    it.each([
      ['RSA', rsa(2048), 'RS256'],
      ['P-256', ec('P-256'), 'ES256'],
      ['P-384', ec('P-384'), 'ES384'],
      ['P-521', ec('P-521'), 'ES512'],
      ['Ed25519', ed25519.publicKey, 'EdDSA'],
    ])('may be a key of type %s', (_kind, publicKey, algorithm) => {
      for (const JWT_PUBLIC_KEY of [pem(publicKey), pem(publicKey).replaceAll('\n', '\\n')]) {
        const { auth } = readConfig({ ...required, JWT_PUBLIC_KEY });
        const key = auth.kind === 'required' ? auth.jwt?.key : undefined;
        expect(key).toMatchObject({ kind: 'public', algorithm });
        expect(key?.kind === 'public' && key.publicKey.equals(publicKey)).toBe(true);
      }
    });

    it.each([
      ['an RSA key of 1024 bits', pem(rsa(1024))],
      ['a key on secp256k1', pem(ec('secp256k1'))],
      ['an Ed448 key', pem(generateKeyPairSync('ed448').publicKey)],
      ['an RSA-PSS key', pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey)],
      ['a PEM without a key', '-----BEGIN PUBLIC KEY-----'],
      ['a private key', ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ])('must not be %s', (_kind, JWT_PUBLIC_KEY) => {
      expectProblems({ ...required, JWT_PUBLIC_KEY }, ['JWT_PUBLIC_KEY must be a public key in ']);
    });
  });

  it.each(
    cases({
      PORT: 'abc | 70000 | 65536 | -1 | 4000.5 | 4e3 | 0x10 |  4000 | 4000  | ٤٠٠٠ | 99999999999999999',
      FILES_URL_TTL: '0 | -900 | 15m | 604801 | Infinity',
      FILES_URL: 'ftp://files.example.com/ | data/files | file: | file://elsewhere/share',
      FILES_SIGNING_SECRET: `short | fifteen letters | ${secret},short | ${secret},${secret},${secret}`,
      MANAGEMENT_PORT: '65536 | off',
      PUBLIC_URL:
        'https://example.com?x=1 | https://example.com/#x | https://example.com/a?x=1 | ' +
        'https://user:word@example.com | example.com | ftp://example.com | /exports | ' +
        'https://example.com/files | https://example.com/graphql/ | https://example.com/files/a',
      HSTS: 'on | -1 | 1y | 100000001',
      KEEP_ALIVE_TIMEOUT: '0 | 75s | 3601',
      SHUTDOWN_DELAY: '-1 | 5s | 3601',
      CORS_ORIGINS:
        '* | null | https://*.example.com | https://app.example.com/path | app.example.com | http://a,',
      AUTH: 'maybe | OFF',
      JWT_SECRET: 's'.repeat(31),
      JWT_JWKS_URL:
        'http://login.example.com/jwks | http://localhost.example.com/jwks | file:///etc/jwks | jwks',
      ORGANIZATION: `org demo | org_é | ${'o'.repeat(65)}`,
      GRAPHIQL: 'yes | true',
      TRUST_PROXY: '1 | 10.0.0.0/8',
      INTROSPECTION: '1',
      SAMPLE_WORKER: 'yes',
      COST_PER_SECOND: '0 | -1 | 1.5 | on | OFF',
      LIVE_POLL_INTERVAL: '0 | 99 | 1s | 60001 | off',
      LIVE_MAX_SUBSCRIPTIONS: '0 | -1 | 1e4 | 1000001 | off',
      TRUSTED_DOCUMENTS: 'missing.json | src | README.md | package.json',
      LOG_LEVEL: 'loud | INFO',
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'collector',
    }),
  )('rejects %s=%s', (name, value) => {
    expectProblems({ ...required, [name]: value }, [`${name} `]);
  });

  it.each<[problem: string, environment: Environment]>([
    ['JWT_SECRET and JWT_JWKS_URL exclude each other: ', { ...withSecret, JWT_JWKS_URL: jwksUrl }],
    ['JWT_ISSUER would check nothing: set one of JWT_SECRET, JWT_PUBLIC_KEY', { JWT_ISSUER: 'x' }],
    [
      'JWT_AUDIENCE and JWT_ORGANIZATION_CLAIM would',
      { JWT_AUDIENCE: 'x', JWT_ORGANIZATION_CLAIM: 'x' },
    ],
    ['JWT_REQUESTER_CLAIM and JWT_ALL_EXPORTS_SCOPE would', byRequester],
    ['JWT_FILES_SCOPE would', { JWT_FILES_SCOPE: 'x' }],
    ['JWT_FILES_SCOPE must be one scope', { ...withSecret, JWT_FILES_SCOPE: 'a b' }],
    ['JWT_ALL_EXPORTS_SCOPE must', { ...withSecret, ...byRequester, JWT_ALL_EXPORTS_SCOPE: 'é' }],
    ['JWT_ALL_EXPORTS_SCOPE needs JWT_REQ', { ...withSecret, JWT_ALL_EXPORTS_SCOPE: 'x' }],
    ['JWT_SECRET would check nothing, because AUTH is off', { ...withSecret, AUTH: 'off' }],
    ['JWT_SECRET and JWT_ISSUER would', { JWT_SECRET: secret, JWT_ISSUER: 'x', AUTH: '' }],
    ['OTEL_EXPORTER_OTLP_PROTOCOL must be http', { ...otlp, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    [
      'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL must be http/protobuf, the only supported protocol.',
      { ...otlp, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' },
    ],
    ['MANAGEMENT_PORT must differ from PORT.', { PORT: '80', MANAGEMENT_PORT: '80' }],
    ['MANAGEMENT_PORT must differ from PORT.', { MANAGEMENT_PORT: '4000' }],
    ['TRUSTED_DOCUMENTS names a file that cannot', { TRUSTED_DOCUMENTS: 'missing.json' }],
    ['TRUSTED_DOCUMENTS names a file that is not JSON', { TRUSTED_DOCUMENTS: 'README.md' }],
    ['TRUSTED_DOCUMENTS names a file without', { TRUSTED_DOCUMENTS: 'package.json' }],
    ['FILES_SIGNING_SECRET must be set when DATABASE_URL is', { DATABASE_URL: mysql }],
    ['DATABASE_REPLICA_URLS needs DATABASE_URL: set', { DATABASE_REPLICA_URLS: mysql }],
  ])('reports "%s…" for %j', (problem, environment) => {
    expectProblems({ ...required, ...environment }, [problem]);
  });

  it.each([
    ...cases({
      'has the scheme postgres, which is not supported': `postgres://reader:${password}@db:5432/exports`,
      'has the scheme mysqlx, which is not supported': `mysqlx://reader:${password}@db/exports`,
      'has the scheme sqlite, which is not supported': 'sqlite:data/exports.sqlite',
      'has the scheme reader, which is not supported': `reader:${password}@db.example.com`,
      'has no database name': `mysql://reader:${password}@db:3306 | mysql://reader:${password}@db/`,
      'has no host': 'mysql:///exports',
      'is not a URL': `data/exports.sqlite | mysql://reader:${password}@db:port/exports`,
      'may have only these parameters, each once: ssl-mode (one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY), ssl-ca, ssl-cert, ssl-key, socketPath, connectionLimit; ':
        [`sslmode`, 'sslaccept', 'tls', 'ssl', 'SSL-MODE', `${password}@db`]
          .map((name) => `mysql://reader:p@db:3306/exports?${name}=${password}`)
          .join(' | ') + ' | mysql://db/exports?ssl-mode=DISABLED&ssl-mode=REQUIRED',
      'has invalid parameters: ssl-mode must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY.':
        'mysql://db/exports?ssl-mode=VERIFY-CA | mysql://db/exports?ssl-mode=true',
      'has invalid parameters: ssl-ca must be the path of a readable file with certificates':
        'mysql://db/exports?ssl-ca=missing.pem | mysql://db/exports?ssl-ca=README.md',
      'has invalid parameters: ssl-key must be the path of a readable file with a private key + has invalid parameters: ssl-cert and ssl-key need each other':
        'mysql://db/exports?ssl-key=README.md',
      'has invalid parameters: socketPath must be an absolute path':
        'mysql://db/exports?socketPath=mysqld.sock',
      'has invalid parameters: connectionLimit must be a whole number from 1 to 1000':
        'mysql://db/exports?connectionLimit=0 | mysql://db/exports?connectionLimit=many',
      'has a fragment': `mysql://reader:${password}@db:3306/exports#${password}`,
      'has an invalid percent-encoding': `mysql://reader:100%${password}@db/exports | mysql://db/%`,
    }),
    ['has no host + has no database name', 'mysql:exports'],
  ])('rejects a database URL or replica URL that %s: %s', (group, url) => {
    const expected = (subject: string) => group.split(' + ').map((each) => `${subject} ${each}`);
    expectProblems({ ...withServer, DATABASE_URL: url }, expected('DATABASE_URL'));
    expect(problems({ DATABASE_URL: url }, readDatabaseConfig)).toEqual(
      problems({ ...withServer, DATABASE_URL: url }),
    );
    expectProblems({ ...withServer, DATABASE_REPLICA_URLS: `${mysql},${url}, ${url}` }, [
      ...expected('DATABASE_REPLICA_URLS entry 2'),
      ...expected('DATABASE_REPLICA_URLS entry 3'),
    ]);
  });

  it.each([
    ...cases({
      'has no valid region':
        's3://exports | s3://exports/p?region= | s3://exports?region=eu_central',
      'does not name a general purpose bucket':
        's3:exports?region=eu | s3://?region=eu | s3://a?region=eu | ' +
        's3://exports:9000/p?region=eu | s3://exports--euc1-az1--x-s3?region=eu',
      'is not a URL': 's3://exports:port?region=eu',
      'has a fragment': `${bucketUrl}#1`,
      'has an invalid percent-encoding': 's3://exports/100%?region=eu',
      'has credentials': 's3://key:word@exports/p?region=eu',
      'may have only these parameters, each once: region, endpoint, forcePathStyle': `${bucketUrl}&acl=private&x=1 | ${bucketUrl}&region=us-east-1`,
      'has a forcePathStyle other than true and false': `${bucketUrl}&forcePathStyle=yes`,
      'has an invalid endpoint':
        `${bucketUrl}&endpoint= | ${bucketUrl}&endpoint=localhost:9000 | ` +
        `${bucketUrl}&endpoint=ftp://localhost | ${bucketUrl}&endpoint=http://a:b@c | ` +
        `${bucketUrl}&endpoint=http://a?b=c`,
    }),
    [
      'has a fragment + has an invalid percent-encoding + has credentials + may have only + ' +
        'has no valid region + has an invalid endpoint + has a forcePathStyle',
      's3://key:word@exports/%?endpoint=x&forcePathStyle=1&a=b#1',
    ],
  ])('rejects a FILES_URL that %s: %s', (group, FILES_URL) => {
    const expected = group.split(' + ').map((each) => `FILES_URL ${each}`);
    expectProblems({ FILES_URL }, expected);
  });

  const invalid = {
    PORT: password,
    MANAGEMENT_PORT: password,
    PUBLIC_URL: `https://user:${password}@example.com`,
    HSTS: password,
    KEEP_ALIVE_TIMEOUT: password,
    SHUTDOWN_DELAY: password,
    TRUST_PROXY: password,
    CORS_ORIGINS: `https://user:${password}@app.example.com`,
    GRAPHIQL: password,
    INTROSPECTION: password,
    SAMPLE_WORKER: password,
    COST_PER_SECOND: password,
    LIVE_POLL_INTERVAL: password,
    LIVE_MAX_SUBSCRIPTIONS: password,
    TRUSTED_DOCUMENTS: password,
    LOG_LEVEL: password,
    DATABASE_URL: `postgres://reader:${password}@db/exports?${password}=${password}`,
    DATABASE_REPLICA_URLS: `mysql://replica/exports?${password}`,
    FILES_URL: `s3://${password}:${password}@bucket?${password}`,
    FILES_SIGNING_SECRET: 'tooshort',
    FILES_URL_TTL: password,
    AUTH: password,
    ORGANIZATION: `${password} ${password}`,
    JWT_SECRET: 'tooshort',
    JWT_PUBLIC_KEY: secret,
    JWT_JWKS_URL: `https//user:${password}@login.example.com`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `collector:${password}`,
    OTEL_TRACES_EXPORTER: password,
  };

  it('reports the mistakes of all variables at once, without a password or a secret', () => {
    expect([...new Set(subjects(invalid))]).toEqual(Object.keys(invalid));
    const text = problems(invalid).join('\n');
    expect(text).toMatch(/^JWT_SECRET and JWT_PUBLIC_KEY and JWT_JWKS_URL exclude each other/m);
    for (const value of [password, secret, 'tooshort']) expect(text).not.toContain(value);
  });

  it('reports contradictions together with invalid values', () => {
    const x = 'x';
    const mistakes = { PORT: x, DATABASE_URL: x, FILES_URL_TTL: x, AUTH: x, JWT_ISSUER: x };
    const expected = 'PORT DATABASE_URL FILES_URL_TTL FILES_SIGNING_SECRET AUTH JWT_ISSUER';
    expect(subjects(mistakes).join(' ')).toBe(expected);
  });
});

describe('a secret in a file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    path = join(folder, 'secret');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const values = {
    DATABASE_URL: mysql,
    DATABASE_REPLICA_URLS: mysql,
    FILES_SIGNING_SECRET: `${secret},${secret}!`,
    JWT_SECRET: secret,
    JWT_PUBLIC_KEY: generateKeyPairSync('ed25519').publicKey.export({
      type: 'spki',
      format: 'pem',
    }),
  };
  const base = (name: string) => ({
    ...{ AUTH: 'required', FILES_SIGNING_SECRET: secret },
    ...(name === 'DATABASE_REPLICA_URLS' && { DATABASE_URL: mysql }),
    [name]: undefined,
  });

  it.each(Object.entries(values))('is read in place of %s', async (name, value) => {
    await writeFile(path, `${value.toString()}\n`);
    const { reread, ...config } = readConfig({ ...base(name), [`${name}_FILE`]: path });
    expect({ ...config, reread: null }).toEqual(
      readConfig({ ...base(name), [name]: value.toString() }),
    );
    expect(await reread?.files()).toEqual(config.files);
    expect(await reread?.auth()).toEqual(config.auth);
    expect(await reread?.database()).toEqual(config.database);
  });

  it.each(Object.keys(values))('is a mistake for %s when it is missing or empty', async (name) => {
    const variable = `${name}_FILE`;
    const problem = `${variable} names a file that is empty or cannot be read: `;
    expectProblems({ ...base(name), [variable]: path }, [problem]);
    await writeFile(path, '\n');
    expectProblems({ ...base(name), [variable]: path }, [problem]);
    const both = `${name} and ${variable} exclude each other: set one of them.`;
    expectProblems({ ...base(name), [name]: 'x', [variable]: path }, [both]);
  });

  it('is read for commands, too', async () => {
    await writeFile(path, mysql);
    expect(readDatabaseConfig({ DATABASE_URL_FILE: path })).toEqual(server.database);
  });
});

describe('readDatabaseConfig', () => {
  it.each([{}, { DATABASE_URL: '' }, withServer])('reads the database of %j', (environment) => {
    expect(readDatabaseConfig(environment)).toEqual(readConfig(environment).database);
  });

  it('chooses the embedded database in production for no command', () => {
    const NODE_ENV = 'production';
    expect(problems({ NODE_ENV }, readDatabaseConfig)).toEqual([
      'DATABASE_URL is not set, and NODE_ENV is production. ' +
        'Set DATABASE_URL, or leave NODE_ENV unset for the embedded database.',
    ]);
    expect(readDatabaseConfig({ NODE_ENV, DATABASE_URL: mysql })).toEqual(server.database);
  });

  it('ignores replicas and every other variable', () => {
    const others = { DATABASE_REPLICA_URLS: 'mysql://replica/exports', PORT: 'abc', AUTH: 'maybe' };
    expect(readDatabaseConfig({ DATABASE_URL: mysql, ...others })).toEqual(server.database);
  });
});

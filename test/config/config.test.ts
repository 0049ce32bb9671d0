import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { readConfig, readDatabaseConfig, type Config } from '../../src/config/config.js';
import type { Environment } from '../../src/config/settings.js';
import { StartupError } from '../../src/errors.js';

const password = 'pa55-horse-battery';
const secret = 'a secret of thirty-two characters';
const mysql = `mysql://reader:${password}@db.example.com:3306/exports`;
/** What a gateway on a server needs at least. */
const onServer = { DATABASE_URL: mysql, FILES_SIGNING_SECRET: secret, AUTH: 'off' };

/** What is wrong with an environment, one entry a mistake; fails when nothing is. */
function problemsOf(
  environment: Environment,
  read: (from: Environment) => unknown = readConfig,
): readonly string[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof StartupError) return error.problems;
    throw error;
  }
  throw new Error(`Nothing is wrong with ${JSON.stringify(environment)}`);
}

describe('the configuration', () => {
  it('has the defaults of the contract', () => {
    expect(readConfig({})).toEqual({
      port: 4000,
      host: '127.0.0.1',
      publicUrl: null,
      database: { kind: 'embedded', path: 'data/exports.sqlite' },
      seedSamples: true,
      files: {
        kind: 'local',
        directory: 'data/files',
        secret: { file: 'data/signing-secret' },
        linkTtl: 900,
      },
      auth: { kind: 'off', organization: 'org_demo' },
      corsOrigins: [],
      graphiql: true,
      introspection: true,
      logLevel: 'info',
      tracing: false,
    } satisfies Config);
  });

  it('depends on nothing but what it is given', () => {
    const before = readConfig({});
    const kept = { ...process.env };
    Object.assign(process.env, { PORT: '1', HOST: '127.0.0.9', NODE_ENV: 'production' });
    try {
      expect(readConfig({})).toEqual(before);
    } finally {
      process.env = kept;
    }
  });

  it('passes by variables that are not its own', () => {
    expect(readConfig({ PATH: '/bin', npm_config_port: '1', port: '2', DATABASE: 'x' })).toEqual(
      readConfig({}),
    );
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(
      [
        'PORT',
        'HOST',
        'DATABASE_URL',
        'DATABASE_REPLICA_URLS',
        'FILES_URL',
        'FILES_SIGNING_SECRET',
        'FILES_URL_TTL',
        'PUBLIC_URL',
        'AUTH',
        'ORGANIZATION',
        'JWT_SECRET',
        'JWT_PUBLIC_KEY',
        'JWT_JWKS_URL',
        'JWT_ISSUER',
        'JWT_AUDIENCE',
        'JWT_ORGANIZATION_CLAIM',
        'CORS_ORIGINS',
        'GRAPHIQL',
        'INTROSPECTION',
        'LOG_LEVEL',
        'NODE_ENV',
        'OTEL_SDK_DISABLED',
        'OTEL_TRACES_EXPORTER',
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
        'OTEL_EXPORTER_OTLP_PROTOCOL',
        'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
      ].map((name) => [name, '']),
    );
    expect(readConfig(empty)).toEqual(readConfig({}));
  });

  it.each<{ given: Environment; says: Partial<Config> }>([
    { given: { PORT: '0' }, says: { port: 0 } },
    { given: { PORT: '1' }, says: { port: 1 } },
    { given: { PORT: '65535' }, says: { port: 65535 } },
    { given: { HOST: 'localhost' }, says: { host: 'localhost' } },
    { given: { HOST: '::1' }, says: { host: '::1' } },
    { given: { HOST: '127.8.9.10' }, says: { host: '127.8.9.10' } },
    {
      given: { PUBLIC_URL: 'https://exports.example.com' },
      says: { publicUrl: 'https://exports.example.com' },
    },
    { given: { PUBLIC_URL: 'http://10.0.0.1:8080/' }, says: { publicUrl: 'http://10.0.0.1:8080' } },
    { given: { ORGANIZATION: 'org_1' }, says: { auth: { kind: 'off', organization: 'org_1' } } },
    {
      given: { ORGANIZATION: 'o'.repeat(64) },
      says: { auth: { kind: 'off', organization: 'o'.repeat(64) } },
    },
    { given: { GRAPHIQL: 'off' }, says: { graphiql: false, introspection: true } },
    { given: { INTROSPECTION: 'off' }, says: { graphiql: true, introspection: false } },
    { given: { LOG_LEVEL: 'debug' }, says: { logLevel: 'debug' } },
    { given: { LOG_LEVEL: 'silent' }, says: { logLevel: 'silent' } },
    { given: { OTEL_SERVICE_NAME: 'exports' }, says: { tracing: false } },
    { given: { OTEL_TRACES_EXPORTER: 'otlp' }, says: { tracing: true } },
    { given: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, says: { tracing: true } },
    {
      given: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' },
      says: { tracing: true },
    },
    {
      given: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_TRACES_EXPORTER: 'none',
      },
      says: { tracing: false },
    },
    {
      given: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'True' },
      says: { tracing: false },
    },
    { given: { AUTH: 'off' }, says: {} },
    { given: { AUTH: 'required' }, says: { auth: { kind: 'required', jwt: null } } },
    {
      given: { CORS_ORIGINS: 'https://app.example.com' },
      says: { corsOrigins: ['https://app.example.com'] },
    },
    {
      given: { CORS_ORIGINS: 'https://app.example.com/, http://localhost:3000' },
      says: { corsOrigins: ['https://app.example.com', 'http://localhost:3000'] },
    },
  ])('understands $given', ({ given, says }) => {
    expect(readConfig(given)).toEqual({ ...readConfig({}), ...says });
  });

  it.each([
    { FILES_URL: 'file:data/files', directory: 'data/files' },
    { FILES_URL: 'file:elsewhere', directory: 'elsewhere' },
    { FILES_URL: 'file:/srv/exports', directory: '/srv/exports' },
    { FILES_URL: 'file:///srv/my%20exports', directory: '/srv/my exports' },
  ])('finds the files of $FILES_URL in $directory', ({ FILES_URL, directory }) => {
    expect(readConfig({ FILES_URL }).files).toEqual({ ...readConfig({}).files, directory });
  });

  it.each([
    {
      FILES_URL: 's3://exports?region=eu-central-1',
      bucket: { name: 'exports', prefix: '', endpoint: null, forcePathStyle: false },
    },
    {
      FILES_URL: 's3://exports/?region=eu-central-1&forcePathStyle=false',
      bucket: { name: 'exports', prefix: '', endpoint: null, forcePathStyle: false },
    },
    {
      FILES_URL: 's3://my.exports/a/b%20c/?region=eu-central-1&forcePathStyle=true',
      bucket: { name: 'my.exports', prefix: 'a/b c', endpoint: null, forcePathStyle: true },
    },
    {
      FILES_URL: 's3://Our_Exports//a?endpoint=http://localhost:9000/&region=eu-central-1',
      bucket: {
        name: 'Our_Exports',
        prefix: '/a',
        endpoint: 'http://localhost:9000',
        forcePathStyle: false,
      },
    },
    {
      FILES_URL: 's3://exports/p?region=eu-central-1&endpoint=https%3A%2F%2Fs3.example.com%2Fv1%2F',
      bucket: {
        name: 'exports',
        prefix: 'p',
        endpoint: 'https://s3.example.com/v1',
        forcePathStyle: false,
      },
    },
  ])('finds the files of $FILES_URL in a bucket', ({ FILES_URL, bucket }) => {
    expect(readConfig({ FILES_URL, FILES_URL_TTL: '604800' }).files).toEqual({
      kind: 's3',
      bucket: { ...bucket, region: 'eu-central-1' },
      linkTtl: 604_800,
    });
  });

  it.each([
    ['s3://exports', ['has no valid region']],
    ['s3://exports/p?region=', ['has no valid region']],
    ['s3://exports?region=eu_central', ['has no valid region']],
    ['s3:exports?region=eu-central-1', ['does not name a general purpose bucket']],
    ['s3://?region=eu-central-1', ['does not name a general purpose bucket']],
    ['s3://a?region=eu-central-1', ['does not name a general purpose bucket']],
    ['s3://exports:9000/p?region=eu-central-1', ['does not name a general purpose bucket']],
    [
      's3://exports--euc1-az1--x-s3?region=eu-central-1',
      ['does not name a general purpose bucket'],
    ],
    ['s3://exports/p?region=eu-central-1#1', ['has a fragment']],
    ['s3://exports/100%?region=eu-central-1', ['has an invalid percent-encoding']],
    ['s3://key:word@exports/p?region=eu-central-1', ['has credentials']],
    ['s3://exports?region=eu-central-1&acl=private&x=1', ['has parameters (acl, x) other than']],
    ['s3://exports?region=eu-central-1&region=us-east-1', ['has region twice']],
    ['s3://exports?region=eu-central-1&forcePathStyle=yes', ['has a forcePathStyle other than']],
    ...[
      '',
      'localhost:9000',
      'ftp://localhost',
      'http://key:word@localhost:9000',
      'http://localhost:9000?x=1',
    ].map((endpoint): [string, string[]] => [
      `s3://exports?region=eu-central-1&endpoint=${encodeURIComponent(endpoint)}`,
      ['has an invalid endpoint'],
    ]),
    [
      's3://key:word@exports/%?endpoint=x&forcePathStyle=1&a=b',
      [
        'has credentials',
        'has an invalid percent-encoding',
        'has parameters (a)',
        'has no valid region',
        'has an invalid endpoint',
        'has a forcePathStyle',
      ],
    ],
  ])('refuses FILES_URL=%s, with every mistake in it', (FILES_URL, says) => {
    const problems = problemsOf({ FILES_URL });
    expect(problems).toEqual(
      says.map((words) => expect.stringContaining(`FILES_URL ${words}`) as unknown),
    );
    expect(problems.join()).not.toMatch(/word|ftp|yes/);
  });

  it('needs no FILES_SIGNING_SECRET where the bucket has credentials of its own', () => {
    const FILES_URL = 's3://exports?region=eu-central-1';
    const { files } = readConfig({ ...onServer, FILES_SIGNING_SECRET: undefined, FILES_URL });
    expect(files.kind).toBe('s3');
  });

  it.each([
    { FILES_URL_TTL: '1', linkTtl: 1 },
    { FILES_URL_TTL: '604800', linkTtl: 604_800 },
  ])('lets links live $FILES_URL_TTL seconds', ({ FILES_URL_TTL, linkTtl }) => {
    expect(readConfig({ FILES_URL_TTL }).files.linkTtl).toBe(linkTtl);
  });

  it('takes the secret of links from FILES_SIGNING_SECRET', () => {
    expect(readConfig({ FILES_SIGNING_SECRET: secret }).files).toEqual({
      ...readConfig({}).files,
      secret: { value: secret },
    });
  });

  it('takes a MySQL database as it is: not filled with samples', () => {
    expect(readConfig(onServer)).toEqual({
      ...readConfig({}),
      database: { kind: 'mysql', url: mysql },
      seedSamples: false,
      files: { ...readConfig({}).files, secret: { value: secret } },
    });
  });

  it.each([
    { name: 'PORT', value: 'abc' },
    { name: 'PORT', value: '70000' },
    { name: 'PORT', value: '65536' },
    { name: 'PORT', value: '-1' },
    { name: 'PORT', value: '4000.5' },
    { name: 'PORT', value: '4e3' },
    { name: 'PORT', value: '0x10' },
    { name: 'PORT', value: ' 4000' },
    { name: 'PORT', value: '4000 ' },
    { name: 'PORT', value: '٤٠٠٠' },
    { name: 'PORT', value: '99999999999999999999' },
    { name: 'FILES_URL_TTL', value: '0' },
    { name: 'FILES_URL_TTL', value: '-900' },
    { name: 'FILES_URL_TTL', value: '15m' },
    { name: 'FILES_URL_TTL', value: '604801' },
    { name: 'FILES_URL_TTL', value: 'Infinity' },
    { name: 'FILES_URL', value: 'ftp://files.example.com/' },
    { name: 'FILES_URL', value: 'data/files' },
    { name: 'FILES_URL', value: 'file:' },
    { name: 'FILES_URL', value: 'file://elsewhere/share' },
    { name: 'FILES_SIGNING_SECRET', value: 'short' },
    { name: 'PUBLIC_URL', value: 'https://example.com/exports' },
    { name: 'PUBLIC_URL', value: 'https://example.com?x=1' },
    { name: 'PUBLIC_URL', value: 'https://example.com/#x' },
    { name: 'PUBLIC_URL', value: 'https://user:word@example.com' },
    { name: 'PUBLIC_URL', value: 'example.com' },
    { name: 'PUBLIC_URL', value: 'ftp://example.com' },
    { name: 'AUTH', value: 'maybe' },
    { name: 'AUTH', value: 'OFF' },
    { name: 'ORGANIZATION', value: 'org demo' },
    { name: 'ORGANIZATION', value: 'org_é' },
    { name: 'ORGANIZATION', value: 'o'.repeat(65) },
    { name: 'GRAPHIQL', value: 'yes' },
    { name: 'GRAPHIQL', value: 'true' },
    { name: 'INTROSPECTION', value: '1' },
    { name: 'LOG_LEVEL', value: 'loud' },
    { name: 'LOG_LEVEL', value: 'INFO' },
    { name: 'OTEL_TRACES_EXPORTER', value: 'zipkin' },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'collector:4318' },
    { name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', value: 'collector' },
  ])('refuses $name=$value', ({ name, value }) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} .+\\.$`)),
    ]);
  });

  it.each(['OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'])(
    'refuses another %s than the one that is spoken, if traces are to be sent',
    (name) => {
      expect(problemsOf({ OTEL_TRACES_EXPORTER: 'otlp', [name]: 'grpc' })).toEqual([
        `${name} must be http/protobuf, the only supported protocol.`,
      ]);
      expect(readConfig({ [name]: 'grpc' }).tracing).toBe(false);
    },
  );

  it.each([
    {
      value: `postgres://reader:${password}@db:5432/exports`,
      says: 'postgres, which is not supported',
    },
    { value: `mysqlx://reader:${password}@db/exports`, says: 'mysqlx, which is not supported' },
    { value: 'sqlite:data/exports.sqlite', says: 'sqlite, which is not supported' },
    { value: `mysql://reader:${password}@db.example.com:3306`, says: 'has no database name' },
    { value: `mysql://reader:${password}@db.example.com:3306/`, says: 'has no database name' },
    { value: 'mysql:///exports', says: 'has no host' },
    { value: 'mysql:exports', says: 'has no host' },
    { value: `reader:${password}@db.example.com`, says: '' },
    { value: 'data/exports.sqlite', says: 'is not a URL' },
    { value: `mysql://reader:${password}@db:port/exports`, says: 'is not a URL' },
    {
      value: `mysql://reader:${password}@db:3306/exports?ssl=${password}`,
      says: 'parameters (ssl)',
    },
    // A percent sign that encodes nothing: the driver could not read the password.
    { value: `mysql://reader:100%${password}@db:3306/exports`, says: '' },
  ])('refuses the DATABASE_URL $value', ({ value, says }) => {
    const problems = problemsOf({ ...onServer, DATABASE_URL: value });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL .+/)]);
    expect(problems[0]).toContain(says);
    expect(problems[0]).not.toContain(password);
    expect(problemsOf({ DATABASE_URL: value }, readDatabaseConfig)).toEqual(problems);
  });

  it('takes replicas, separated by commas', () => {
    const replicas = [
      'mysql://reader:a%2Cb@replica-1/exports',
      'mysql://reader@[::1]:3307/exports',
    ];
    const given = { ...onServer, DATABASE_REPLICA_URLS: replicas.join(', ') };
    expect(readConfig(given).database).toEqual({
      kind: 'mysql',
      url: mysql,
      replicaUrls: replicas,
    });
    // Those who write have to do with the primary alone.
    expect(readDatabaseConfig(given)).toEqual({ kind: 'mysql', url: mysql });
  });

  it('refuses replicas as it does a DATABASE_URL, each by its place', () => {
    const DATABASE_REPLICA_URLS = [
      `postgres://reader:${password}@replica-1/exports`,
      'mysql://reader@replica-2/exports',
      `mysql://reader:${password}@replica-3`,
    ].join();
    const problems = problemsOf({ ...onServer, DATABASE_REPLICA_URLS });
    expect(problems).toEqual([
      expect.stringMatching(/^DATABASE_REPLICA_URLS has the scheme postgres, .+ \(URL 1 of 3\)\.$/),
      expect.stringMatching(/^DATABASE_REPLICA_URLS has no database name: .+ \(URL 3 of 3\)\.$/),
    ]);
    expect(problems.join()).not.toContain(password);
    expect(problemsOf({ ...onServer, DATABASE_REPLICA_URLS: 'replica-1' })).toEqual([
      'DATABASE_REPLICA_URLS is not a URL: write mysql://user:password@host:3306/database.',
    ]);
  });

  it('refuses replicas of nothing', () => {
    expect(problemsOf({ DATABASE_REPLICA_URLS: 'mysql://reader@replica/exports' })).toEqual([
      'DATABASE_REPLICA_URLS needs DATABASE_URL: set it to the primary of these replicas.',
    ]);
  });

  it('reports every mistake at once, each by its name', () => {
    const problems = problemsOf({
      PORT: 'abc',
      DATABASE_URL: `postgres://reader:${password}@db/exports`,
      DATABASE_REPLICA_URLS: `postgres://reader:${password}@replica/exports`,
      FILES_URL: 'ftp://files.example.com',
      FILES_SIGNING_SECRET: 'tooshort',
      FILES_URL_TTL: '0',
      PUBLIC_URL: 'https://example.com/path',
      AUTH: 'maybe',
      ORGANIZATION: 'two words',
      JWT_SECRET: 'too short a secret',
      JWT_JWKS_URL: 'http://login.example.com/jwks.json',
      CORS_ORIGINS: '*',
      GRAPHIQL: 'yes',
      INTROSPECTION: 'no',
      LOG_LEVEL: 'loud',
    });
    expect(problems.map((problem) => problem.split(' ', 1)[0])).toEqual([
      'PORT',
      'PUBLIC_URL',
      'CORS_ORIGINS',
      'GRAPHIQL',
      'INTROSPECTION',
      'LOG_LEVEL',
      'DATABASE_URL',
      'DATABASE_REPLICA_URLS',
      'FILES_URL',
      'FILES_SIGNING_SECRET',
      'FILES_URL_TTL',
      'AUTH',
      'ORGANIZATION',
      'JWT_SECRET',
      'JWT_JWKS_URL',
      'JWT_SECRET',
    ]);
  });

  it('reports what contradicts together with what is wrong by itself', () => {
    const names = problemsOf({ PORT: 'abc', DATABASE_URL: mysql, JWT_ISSUER: 'me' }).map(
      (problem) => problem.split(' ', 1)[0],
    );
    expect(names).toEqual(['PORT', 'FILES_SIGNING_SECRET', 'JWT_ISSUER']);
  });

  it('repeats no password and no secret in any message', () => {
    const words = [
      ...problemsOf({
        PORT: password,
        DATABASE_URL: `postgres://reader:${password}@db/exports`,
        DATABASE_REPLICA_URLS: `postgres://reader:${password}@replica/exports`,
        FILES_URL: `s3://${password}:${password}@bucket`,
        FILES_SIGNING_SECRET: 'tooshort',
        PUBLIC_URL: `https://user:${password}@example.com`,
        AUTH: password,
        JWT_SECRET: 'tooshort',
        JWT_PUBLIC_KEY: secret,
        JWT_JWKS_URL: `https//user:${password}@login.example.com`,
        CORS_ORIGINS: `https://user:${password}@app.example.com`,
      }),
    ].join('\n');
    for (const word of [password, secret, 'tooshort']) expect(words).not.toContain(word);
  });

  it('requires FILES_SIGNING_SECRET with DATABASE_URL, for several gateways must agree on it', () => {
    expect(problemsOf({ ...onServer, FILES_SIGNING_SECRET: undefined })).toEqual([
      expect.stringMatching(/^FILES_SIGNING_SECRET must be set /),
    ]);
    expect(problemsOf({ ...onServer, FILES_SIGNING_SECRET: '' })).toHaveLength(1);
  });

  describe('in production', () => {
    const NODE_ENV = 'production';

    it('has GraphiQL and introspection off', () => {
      expect(readConfig({ NODE_ENV })).toMatchObject({ graphiql: false, introspection: false });
    });

    it('has them on when told so', () => {
      expect(readConfig({ NODE_ENV, GRAPHIQL: 'on' })).toMatchObject({
        graphiql: true,
        introspection: false,
      });
      expect(readConfig({ NODE_ENV, INTROSPECTION: 'on' })).toMatchObject({
        graphiql: false,
        introspection: true,
      });
    });

    it('is what NODE_ENV=production says, and no other', () => {
      for (const other of ['development', 'test', 'prod']) {
        expect(readConfig({ NODE_ENV: other })).toMatchObject({
          graphiql: true,
          introspection: true,
        });
      }
    });
  });

  describe('of who may read', () => {
    it.each<Environment>([{}, { HOST: '127.0.0.1' }, { HOST: 'localhost' }, { HOST: '::1' }])(
      'is open without a word when embedded and on loopback: %j',
      (given) => {
        expect(() => readConfig(given)).not.toThrow();
      },
    );

    it.each<Environment>([
      { HOST: '0.0.0.0' },
      { HOST: '::' },
      { HOST: '10.0.0.1' },
      { HOST: 'example.com' },
      // Names that only look like loopback.
      { HOST: '127.0.0.1.example.com' },
      { HOST: 'localhost.example.com' },
      { DATABASE_URL: mysql, FILES_SIGNING_SECRET: secret },
      { DATABASE_URL: mysql, FILES_SIGNING_SECRET: secret, HOST: '0.0.0.0' },
    ])('is whoever authenticates, unless AUTH=off is said explicitly: %j', (given) => {
      expect(readConfig(given).auth).toEqual({ kind: 'required', jwt: null });
      expect(readConfig({ ...given, AUTH: 'off' }).auth).toEqual({
        kind: 'off',
        organization: 'org_demo',
      });
    });

    it('is whoever authenticates where AUTH=required, on loopback and embedded, too', () => {
      expect(readConfig({ AUTH: 'required' }).auth).toEqual({ kind: 'required', jwt: null });
    });
  });

  describe('of tokens', () => {
    const auth = { AUTH: 'required' };
    const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey;
    const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;

    it('has a secret, and org_id for the claim', () => {
      expect(readConfig({ ...auth, JWT_SECRET: secret }).auth).toEqual({
        kind: 'required',
        jwt: {
          key: { kind: 'secret', secret },
          issuer: null,
          audience: null,
          organizationClaim: 'org_id',
        },
      });
    });

    it.each(['https://login.example.com/jwks.json', 'http://localhost:8080/keys'])(
      'has the key set %s, and what a token must say',
      (url) => {
        const given = {
          JWT_JWKS_URL: url,
          JWT_ISSUER: 'https://login.example.com',
          JWT_AUDIENCE: 'exports',
          JWT_ORGANIZATION_CLAIM: 'https://example.com/org',
        };
        expect(readConfig({ ...auth, ...given }).auth).toEqual({
          kind: 'required',
          jwt: {
            key: { kind: 'jwks', url },
            issuer: 'https://login.example.com',
            audience: 'exports',
            organizationClaim: 'https://example.com/org',
          },
        });
      },
    );

    it.each([
      { kind: 'RSA', publicKey: rsa(2048), algorithm: 'RS256' },
      { kind: 'P-256', publicKey: ec('P-256'), algorithm: 'ES256' },
      { kind: 'P-384', publicKey: ec('P-384'), algorithm: 'ES384' },
      { kind: 'P-521', publicKey: ec('P-521'), algorithm: 'ES512' },
      {
        kind: 'Ed25519',
        publicKey: generateKeyPairSync('ed25519').publicKey,
        algorithm: 'EdDSA',
      },
    ])('has a public key of $kind for $algorithm', ({ publicKey, algorithm }) => {
      const pem = pemOf(publicKey);
      for (const JWT_PUBLIC_KEY of [pem, pem.replaceAll('\n', '\\n')]) {
        const read = readConfig({ ...auth, JWT_PUBLIC_KEY }).auth;
        if (read.kind !== 'required' || read.jwt?.key.kind !== 'public') throw new Error('No key');
        expect(read.jwt.key.algorithm).toBe(algorithm);
        expect(read.jwt.key.publicKey.equals(publicKey)).toBe(true);
      }
    });

    it.each([
      { kind: 'RSA of 1024 bits', pem: () => pemOf(rsa(1024)) },
      { kind: 'secp256k1', pem: () => pemOf(ec('secp256k1')) },
      { kind: 'Ed448', pem: () => pemOf(generateKeyPairSync('ed448').publicKey) },
      { kind: 'X25519', pem: () => pemOf(generateKeyPairSync('x25519').publicKey) },
      {
        kind: 'RSA-PSS',
        pem: () => pemOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
      },
      { kind: 'no PEM', pem: () => '-----BEGIN PUBLIC KEY-----' },
      {
        kind: 'Ed25519, the private one',
        pem: () =>
          generateKeyPairSync('ed25519')
            .privateKey.export({ type: 'pkcs8', format: 'pem' })
            .toString(),
      },
    ])('refuses a key of $kind', ({ pem }) => {
      expect(problemsOf({ ...auth, JWT_PUBLIC_KEY: pem() })).toEqual([
        expect.stringMatching(/^JWT_PUBLIC_KEY must be a public key in PEM form: .+\.$/),
      ]);
    });

    it.each([
      { JWT_SECRET: 's'.repeat(31) },
      { JWT_JWKS_URL: 'http://login.example.com/jwks.json' },
      { JWT_JWKS_URL: 'http://localhost.example.com/jwks.json' },
      { JWT_JWKS_URL: 'file:///etc/jwks.json' },
      { JWT_JWKS_URL: 'jwks.json' },
    ])('refuses %j', (given) => {
      const [name] = Object.keys(given);
      expect(problemsOf({ ...auth, ...given })).toEqual([
        expect.stringMatching(new RegExp(`^${String(name)} must .+\\.$`)),
      ]);
    });

    it('has one kind of key', () => {
      const given = { JWT_SECRET: secret, JWT_JWKS_URL: 'https://login.example.com/jwks.json' };
      expect(problemsOf({ ...auth, ...given })).toEqual([
        'JWT_SECRET and JWT_JWKS_URL exclude each other: set one of them.',
      ]);
    });

    it.each([
      { JWT_ISSUER: 'https://login.example.com' },
      { JWT_AUDIENCE: 'exports' },
      { JWT_ORGANIZATION_CLAIM: 'org' },
    ])('does not take %j without a key, for it would check nothing', (given) => {
      const [name] = Object.keys(given);
      expect(problemsOf({ ...auth, ...given })).toEqual([
        `${String(name)} would check nothing: set one of JWT_SECRET, JWT_PUBLIC_KEY, JWT_JWKS_URL.`,
      ]);
    });

    it.each<Environment>([{}, { AUTH: 'off' }])(
      'are not set in vain while the gateway is open: %j',
      (open) => {
        expect(problemsOf({ ...open, JWT_SECRET: secret, JWT_ISSUER: 'me' })).toEqual([
          'JWT_SECRET and JWT_ISSUER would check nothing, because AUTH is off: set AUTH=required.',
        ]);
      },
    );
  });

  it.each([
    '*',
    'null',
    'https://*.example.com',
    'https://app.example.com/path',
    'app.example.com',
  ])('refuses the origin %s of CORS_ORIGINS', (value) => {
    for (const CORS_ORIGINS of [value, `https://app.example.com,${value}`]) {
      expect(problemsOf({ CORS_ORIGINS })).toEqual([
        expect.stringMatching(/^CORS_ORIGINS must be origins such as .+\.$/),
      ]);
    }
  });
});

describe('the part that migrations need', () => {
  it('is the database of the gateway', () => {
    expect(readDatabaseConfig({})).toEqual(readConfig({}).database);
    expect(readDatabaseConfig({ DATABASE_URL: '' })).toEqual(readConfig({}).database);
    expect(readDatabaseConfig({ DATABASE_URL: mysql })).toEqual(readConfig(onServer).database);
  });

  it('asks for nothing else to be right', () => {
    expect(readDatabaseConfig({ DATABASE_URL: mysql, PORT: 'abc', AUTH: 'maybe' })).toEqual({
      kind: 'mysql',
      url: mysql,
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { openDatabase } from '../../src/database/open-database.js';
import { startProbe } from '../../src/database/mysql-driver.js';
import { entities } from '../../src/entities.js';
import { createAuthority } from '../support/certificates.js';
import { describeWith } from '../support/describe-with.js';
import { createExportsDatabase, exportsUrl, runSql } from '../support/exports-server.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, isMariaDb, type PrivateServer } from '../support/private-server.js';
import { optionsOf } from './create-pool.js';

type Authority = Awaited<ReturnType<typeof createAuthority>>;
type Certificate = Awaited<ReturnType<Authority['issue']>>;

describeWith('mysqlProgram', 'a connection to a server', () => {
  let server: PrivateServer;
  let own: Authority;
  let foreign: Authority;
  let client: Certificate;
  let withoutTls: string[];

  const start = ({ cert, key }: Certificate, ...options: string[]) =>
    server.start([
      '--skip-log-bin',
      ...[`--ssl-ca=${own.ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`, ...options],
    ]);

  beforeAll(async () => {
    [own, foreign] = await Promise.all([createAuthority(), createAuthority()]);
    client = await own.issue('DNS:client');
    server = await createPrivateServer();
    withoutTls = (await isMariaDb(server.program)) ? ['--skip-ssl'] : ['--tls-version='];
    await server.start();
    await createExportsDatabase(server, {});
    for (const rule of ['SSL', 'X509']) {
      await runSql(
        server.url,
        `CREATE USER needs_${rule}@'%' IDENTIFIED BY 'secret' REQUIRE ${rule}`,
      );
      await runSql(server.url, `GRANT SELECT ON exports.* TO needs_${rule}@'%'`);
    }
    await server.kill();
  });
  afterAll(async () => {
    await server.dispose();
    await Promise.all([own.dispose(), foreign.dispose()]);
  });

  function urlWith(query: string, { user = 'root', host = '127.0.0.1' } = {}): string {
    const url = new URL(`?${query}`, exportsUrl(server).replace('root@', `${user}@`));
    url.hostname = host;
    const paths = { OWN: own.ca, FOREIGN: foreign.ca, CERT: client.cert, KEY: client.key };
    return Object.entries(paths).reduce((text, [name, path]) => text.replace(name, path), url.href);
  }

  /** `encrypted` or `plain`, of the connections of a gateway and of its probe; or its problem. */
  async function connect(url: string): Promise<string> {
    const config = mysqlConfig(url);
    const options = { entities, logger: pino({ level: 'silent' }) };
    const database = await openDatabase(config, options).catch(String);
    if (typeof database === 'string') return database;
    try {
      await probe(url);
      const [row] = await database.query<{ Value: string }>("SHOW STATUS LIKE 'Ssl_cipher'");
      return row?.Value === '' ? 'plain' : 'encrypted';
    } finally {
      await database.close();
    }
  }

  async function probe(url: string): Promise<void> {
    const options = await optionsOf(mysqlConfig(url).primary);
    await new Promise<void>((resolve, reject) => {
      startProbe(options, 'SELECT 1', (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  const userOf = (user: string) => ({ user: `needs_${user}:secret` });
  const withCert = 'ssl-cert=CERT&ssl-key=KEY';
  const untrusted = /HANDSHAKE_SSL_ERROR: .*\. Correct ssl-ca, or the host, in DATABASE_URL: /;
  const notEncrypted = /DENIED_ERROR: .*was not encrypted, .*: set ssl-mode=REQUIRED in DATABASE_/;

  describe('whose certificate an own authority signed for localhost and 127.0.0.1', () => {
    beforeAll(async () => start(await own.issue('DNS:localhost,IP:127.0.0.1')));
    afterAll(() => server.kill());

    it.each<[query: string, expected: string | RegExp, target?: { user?: string; host?: string }]>([
      ['', 'encrypted'],
      ['ssl-mode=REQUIRED', 'encrypted'],
      ['ssl-mode=DISABLED', 'plain'],
      ['ssl-mode=REQUIRED&ssl-ca=OWN', 'encrypted'],
      ['ssl-mode=VERIFY_CA&ssl-ca=OWN', 'encrypted'],
      ['ssl-mode=VERIFY_IDENTITY&ssl-ca=OWN', 'encrypted'],
      ['ssl-mode=VERIFY_IDENTITY&ssl-ca=OWN', 'encrypted', { host: 'localhost' }],
      ['ssl-ca=FOREIGN', untrusted],
      ['ssl-mode=VERIFY_CA&ssl-ca=FOREIGN', untrusted],
      ['ssl-mode=VERIFY_CA', untrusted],
      ['', 'encrypted', userOf('SSL')],
      ['ssl-mode=DISABLED', notEncrypted, userOf('SSL')],
      [withCert, 'encrypted', userOf('X509')],
      [`ssl-mode=VERIFY_IDENTITY&ssl-ca=OWN&${withCert}`, 'encrypted', userOf('X509')],
      ['', /Check the user .*, and ssl-cert if the user needs one\.$/, userOf('X509')],
      ['', /Check the user /, { user: 'root:wrong' }],
    ])('with "%s" is as expected: %s', async (...[query, expected, target]) => {
      expect(await connect(urlWith(query, target))).toMatch(expected);
    });

    it('is encrypted when the server requires it, or the gateway says what to set', async () => {
      await runSql(server.url, 'SET GLOBAL require_secure_transport = ON');
      expect(await connect(urlWith(''))).toBe('encrypted');
      // MariaDB says only that the access is denied.
      const problem = /was not encrypted, which the server .*: set ssl-mode=REQUIRED in DATABASE_/;
      expect(await connect(urlWith('ssl-mode=DISABLED'))).toMatch(problem);
    });

    it('is made over a Unix socket, encrypted only when it must be', async () => {
      const { socketPath } = server;
      const socket = (query: string) => urlWith(`socketPath=${socketPath}${query}`);
      expect(await connect(socket(''))).toBe('plain');
      expect(await connect(socket('&ssl-mode=REQUIRED'))).toBe('encrypted');
      expect(await connect(`mysql:///exports?socketPath=${socketPath}`)).toMatch(
        'ER_ACCESS_DENIED',
      );
    });
  });

  it.each([
    { names: 'DNS:db.example.com', host: '127.0.0.1' },
    { names: 'DNS:db.example.com', host: 'localhost' },
    // mysql2 would compare the certificate to localhost, whatever the address is.
    { names: 'DNS:localhost', host: '127.0.0.1' },
  ])('is refused at $host for VERIFY_IDENTITY when it names $names', async ({ names, host }) => {
    await start(await own.issue(names));
    const verified = (mode: string) => connect(urlWith(`ssl-mode=${mode}&ssl-ca=OWN`, { host }));
    expect(await verified('VERIFY_CA')).toBe('encrypted');
    expect(await verified('VERIFY_IDENTITY')).toMatch(untrusted);
    await server.kill();
  });

  describe('without TLS', () => {
    beforeAll(() => server.start(['--skip-log-bin', ...withoutTls]));
    afterAll(() => server.kill());

    it.each<[query: string, expected: string | RegExp, user?: string]>([
      ['', 'plain'],
      ['ssl-mode=REQUIRED', /HANDSHAKE_NO_SSL.*does not offer TLS: configure it there, or set /],
      ['', notEncrypted, 'needs_SSL:secret'],
    ])('with "%s" is as expected: %s', async (...[query, expected, user = 'root']) => {
      expect(await connect(urlWith(query, { user }))).toMatch(expected);
    });

    it('is encrypted as soon as the server offers TLS', async () => {
      const url = urlWith('');
      expect(await connect(url)).toBe('plain');
      await server.kill();
      await start(client);
      expect(await connect(url)).toBe('encrypted');
    });
  });
});

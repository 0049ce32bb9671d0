import 'reflect-metadata';

import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { pino } from 'pino';

import { createApp } from '../../src/app.js';
import type { ApiKey } from '../../src/auth/api-key.js';
import { readConfig, type Config } from '../../src/config/config.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { createTestDataSource } from './data-source.js';
import type { Engine, EngineDatabase } from './engines.js';
import { post } from './post.js';
import { insertRows, type Rows } from './rows.js';

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string };
}

/** An unparsed response, with the statements and log lines that the gateway wrote meanwhile. */
export type RawResponse = Awaited<ReturnType<Gateway['send']>>;

type LogLine = Readonly<Record<string, unknown>>;

export interface RawRequest {
  /** POST by default with a body, else GET. */
  readonly method?: string;
  /** `/graphql` by default. */
  readonly path?: string;
  /** Sent unchanged in place of `path`, which is normalized as a URL. */
  readonly target?: string;
  /** Pairs of name and value exactly as sent, repeated names included. */
  readonly headers?: readonly string[];
  /** Sent as JSON unless it is text or bytes already. */
  readonly body?: string | Buffer | object;
}

export type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** What differs from an embedded gateway without authentication and without rows. */
export interface GatewayOptions extends Rows {
  readonly config?: Partial<Config>;
  readonly keys?: readonly ApiKey[];
}

const SIGNING_SECRET = 'the secret of the tests';

/** The target of a link to a file of a gateway that works for `ttl` seconds. */
export function signLink(
  objectKey: string,
  { fileName = 'a.csv', ttl = 900, secret = SIGNING_SECRET } = {},
): string {
  return new LocalUrlSigner({ secrets: () => [secret], ttl, origin: () => '' }).sign({
    objectKey,
    fileName,
  }).url;
}

/** The settings of a gateway that requires API keys. */
export const keysRequired = { auth: { kind: 'required', jwt: null } } as const;

/**
 * Starts a gateway on a database of its own before the tests of the enclosing `describe` (with `each`, before every test)
 * and closes it after them. The returned object is filled before the first test.
 */
export function useGateway(
  engine: Engine,
  { each = false, ...options }: GatewayOptions & { each?: boolean } = {},
): Gateway {
  const gateway = {} as Gateway;
  let database: EngineDatabase | undefined;
  (each ? beforeEach : beforeAll)(async () => {
    database = await engine.provide();
    Object.assign(gateway, await startGateway(database, options));
  });
  (each ? afterEach : afterAll)(async () => {
    await gateway.close();
    await database?.dispose();
  });
  return gateway;
}

/** Starts a gateway on a free port and a database, whose tables it creates. */
export async function startGateway(
  database: Pick<EngineDatabase, 'config' | 'owner'>,
  { config: changes = {}, keys = [], ...rows }: GatewayOptions = {},
) {
  const filesDirectory = await mkdtemp(join(tmpdir(), 'exports-gateway-files-'));
  const config: Config = {
    ...readConfig({
      PORT: '0',
      FILES_URL: `file:${filesDirectory}`,
      FILES_SIGNING_SECRET: SIGNING_SECRET,
    }),
    database: database.config,
    seedSamples: false,
    sampleWorker: false,
    ...changes,
  };

  const source = await createTestDataSource(database.owner ?? database.config);
  await source.initialize();
  await source.runMigrations();
  await insertRows(source, { ...rows, keys });

  const log: LogLine[] = [];
  const write = (line: string) => {
    log.push(JSON.parse(line) as LogLine);
  };
  const app = await createApp(config, pino({ level: 'debug' }, { write }));
  const origin = await app.listen();

  async function linksSigned(): Promise<number> {
    const metrics = await (await fetch(`${origin}/metrics`)).text();
    return Number(/^exports_gateway_links_signed_total (\d+)$/m.exec(metrics)?.[1]);
  }

  /** The parsed response of `POST /graphql`; `headers` are added to the content type. */
  async function query<Data = Record<string, never>>(
    document: string,
    variables?: Record<string, unknown>,
    headers: Record<string, string> = {},
  ) {
    const logBefore = log.length;
    const body = { query: document, variables };
    const { status, text } = await post(`${origin}/graphql`, body, { headers, timeoutMs: 60_000 });
    const { data, errors } = JSON.parse(text) as {
      data: Data;
      errors: readonly GraphqlError[] | undefined;
    };
    return { status, data, errors, statements: statementsIn(log.slice(logBefore)) };
  }

  return {
    origin,
    config,
    /** A connection of the tests: its statements are not among the gateway's. */
    source,
    filesDirectory,
    log,
    linksSigned,
    async store(objectKey: string, content: string | Buffer) {
      const path = join(filesDirectory, objectKey);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    },
    query,
    /** `query`, with the number of links that the gateway signs for it. */
    async queryCountingLinks<Data = Record<string, never>>(...request: Parameters<typeof query>) {
      const before = await linksSigned();
      const response = await query<Data>(...request);
      return { ...response, linksSigned: (await linksSigned()) - before };
    },
    /** Sends one request on a connection of its own. */
    async send(options: RawRequest) {
      const logBefore = log.length;
      const response = await sendRequest(origin, options);
      const logged = log.slice(logBefore);
      return { ...response, logged, statements: statementsIn(logged) };
    },
    async close() {
      await app.close();
      await source.destroy();
      await rm(filesDirectory, { recursive: true });
    },
  };
}

async function sendRequest(
  origin: string,
  {
    body,
    path = '/graphql',
    target,
    headers = [],
    method = body === undefined ? 'GET' : 'POST',
  }: RawRequest,
) {
  const isWritable = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
  const bytes = isWritable ? body : JSON.stringify(body);
  const names = headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const defaults = {
    host: new URL(origin).host,
    connection: 'close',
    ...(bytes !== undefined && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(bytes)),
    }),
  };
  const added = Object.entries(defaults)
    .filter(([name]) => !names.includes(name))
    .flat();
  const sent = request(`${origin}${path}`, {
    method,
    agent: false,
    headers: [...added, ...headers],
    // Node takes one character for each byte.
    ...(target !== undefined && { path: Buffer.from(target).toString('latin1') }),
  });
  sent.end(bytes);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  // Without the headers that differ from request to request.
  const received = { ...response.headers };
  delete received.date;
  delete received['x-request-id'];
  return { status: response.statusCode ?? 0, headers: received, text };
}

/** A statement that is slow is logged once more, as such. */
function statementsIn(log: readonly LogLine[]): string[] {
  return log.flatMap(({ msg, sql }) => (msg === 'statement' ? [String(sql)] : []));
}

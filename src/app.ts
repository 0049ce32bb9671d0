import type { AddressInfo } from 'node:net';

import type { FastifyInstance } from 'fastify';

import { ApiKeyRepository } from './auth/api-key-repository.js';
import { ApiKeys } from './auth/api-keys.js';
import { authenticateByKeyOrToken } from './auth/authenticate.js';
import { BearerTokens } from './auth/bearer-tokens.js';
import { fixedViewer, type Authenticate } from './auth/viewer.js';
import type { AuthConfig } from './config/auth.js';
import type { Config } from './config/config.js';
import type { LocalFilesConfig } from './config/files.js';
import { redactedUrl } from './database/connect.js';
import type { Database } from './database/database.js';
import { instrumentedDatabase } from './database/instrumented-database.js';
import { openDatabase } from './database/open-database.js';
import { errorCode, StartupError } from './errors.js';
import { ExportOrderBy, SortDirection } from './exports/export-filter.js';
import { ExportRepository, type ExportPageQuery } from './exports/export-repository.js';
import { ExportResolver } from './exports/export-resolver.js';
import { isExpired } from './exports/export-view.js';
import { ExportStatus } from './exports/export.js';
import { instrumentedSigner } from './storage/url-signer.js';
import type { UrlSigner } from './storage/url-signer.js';
import { LocalUrlSigner } from './storage/local-url-signer.js';
import { openStorage } from './storage/open-storage.js';
import { loadOrCreateSigningSecret } from './storage/signing-secret.js';
import { createContext } from './graphql/context.js';
import { createSchema } from './graphql/schema.js';
import { createApolloServer } from './graphql/server.js';
import { LoadShedder } from './http/load-shedder.js';
import { addGracefulShutdown } from './http/graceful-shutdown.js';
import { addFilesRoute } from './http/files-route.js';
import { graphiqlExamples } from './http/graphiql-examples.js';
import type { GraphiqlPageOptions } from './http/graphiql-page.js';
import { renderGraphiqlPage, type GraphiqlPage } from './http/graphiql.js';
import { addGraphqlRoute, GRAPHQL_PATH } from './http/graphql-route.js';
import { addHealthRoutes } from './http/health.js';
import { addMetricsRoute } from './http/metrics.js';
import { createHttpServer } from './http/server.js';
import type { Logger } from './logger.js';
import { seedIfEmpty } from './sample/fill-when-empty.js';
import { createMetrics } from './telemetry/metrics.js';
import { entities } from './entities.js';

/** A gateway, put together. */
export interface App {
  /** Starts to listen; gives the origin it listens on. */
  listen(): Promise<string>;
  /** Tells clients to go elsewhere; comes when they have had the time to, and closing disturbs nobody. */
  drain(): Promise<void>;
  /** Lets what runs come to its end, then lets go of everything. */
  close(): Promise<void>;
}

/**
 * Puts the gateway together: the one place where its parts meet. Throws StartupError when it cannot work as configured.
 */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  const storage = await openStorage(config.files, logger);
  const metrics = createMetrics();
  const opened = await openDatabase(config.database, {
    entities,
    logger,
    prepare: async (source) => {
      if (config.seedSamples) await seedIfEmpty({ source, files: storage.store, logger });
    },
  });
  const tracing = config.tracing
    ? (await import('./telemetry/tracing.js')).startTracing(logger)
    : null;
  const observed = instrumentedDatabase(opened, { onQuery: metrics.queryCompleted, logger });
  const system = config.database.kind === 'mysql' ? 'mysql' : 'sqlite';
  const database = tracing?.traced(observed, system) ?? observed;
  const loadShedder = new LoadShedder({
    onRefused: () => {
      metrics.requestRejected('load');
    },
  });
  metrics.watch({ load: () => loadShedder.load, poolStats: () => database.poolStats() });
  const repository = new ExportRepository(database);

  const server = await createHttpServer(logger, {
    ...config,
    onRequestCompleted: metrics.requestCompleted,
  });
  tracing?.addTo(server, GRAPHQL_PATH);
  const drain = addGracefulShutdown(server);
  // Known only when the server listens, for PORT may be 0: any free one. Then it stays, and asking the socket takes longer
  // than signing a link does.
  let known = config.publicUrl;
  const origin = () => (known ??= originOf(config.host, server.server.address()));
  const links =
    storage.kind === 's3' ? storage.links : await serveLocalFiles(server, { ...storage, origin });
  const counted = instrumentedSigner(links, metrics.linkSigned);

  const schema = await createSchema(new ExportResolver(repository));
  const apollo = createApolloServer(schema, {
    introspection: config.introspection,
    logger,
    onRejected: metrics.requestRejected,
  });
  await apollo.start();

  await addGraphqlRoute(server, {
    apollo,
    loadShedder,
    authenticate: await authentication(config.auth, database),
    contextFor: (viewer, request) => createContext(viewer, { links: counted, ...request }),
    graphiqlPage: config.graphiql ? await graphiqlPage(config, repository) : null,
  });
  addHealthRoutes(server, {
    isClosing: drain.hasBegun,
    async checkReady() {
      await database.query('SELECT 1');
    },
  });
  addMetricsRoute(server, metrics.registry);

  const { replicaUrls = [] } = config.database.kind === 'mysql' ? config.database : {};
  return {
    async listen() {
      await listen(server, config);
      const hasLocalLinks = storage.kind === 'local' && config.publicUrl === null;
      if (hasLocalLinks && ['0.0.0.0', '::'].includes(config.host)) {
        logger.warn(
          `Links to files start with ${origin()}, which works nowhere else: set PUBLIC_URL.`,
        );
      }
      if (config.graphiql) logger.info(`GraphiQL  ${origin()}${GRAPHQL_PATH}`);
      logger.info(`Database  ${redactedUrl(config.database)}`);
      for (const url of replicaUrls)
        logger.info(`Replica   ${redactedUrl({ kind: 'mysql', url })}`);
      logger.info(`Files     ${storage.place}`);
      return origin();
    },
    drain: () => drain.begin(),
    async close() {
      await drain.close();
      await apollo.stop();
      await Promise.all([database.close(), tracing?.close()]);
    },
  };
}

async function listen(server: FastifyInstance, { port, host }: Config): Promise<void> {
  try {
    await server.listen({ port, host, listenTextResolver: (address) => `Listening ${address}` });
  } catch (error) {
    const advice: Record<string, string> = {
      EADDRINUSE: `PORT ${port} is taken on ${host}. Stop what listens there, or set another PORT.`,
      EACCES: `PORT ${port} needs rights this process does not have. Set a PORT above 1023.`,
      EADDRNOTAVAIL: `HOST ${host} is not an address of this machine.`,
      ENOTFOUND: `HOST ${host} cannot be found.`,
    };
    const words = advice[errorCode(error) ?? ''];
    throw words === undefined ? error : new StartupError([words], { cause: error });
  }
}

function originOf(host: string, address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('Not listening on a port');
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

/** Adds the route that serves local files; gives the links that lead to it. */
async function serveLocalFiles(
  server: FastifyInstance,
  options: { config: LocalFilesConfig; place: string; origin: () => string },
): Promise<UrlSigner> {
  const { config, place, origin } = options;
  const secret =
    'value' in config.secret
      ? config.secret.value
      : await loadOrCreateSigningSecret(config.secret.file);
  const links = new LocalUrlSigner({ secret, ttl: config.linkTtl, origin });
  await addFilesRoute(server, { links, directory: place });
  return links;
}

/** How viewers are known. Throws StartupError when nobody could be. */
async function authentication(auth: AuthConfig, database: Database): Promise<Authenticate> {
  if (auth.kind === 'off') return fixedViewer(auth.organization);
  const keys = new ApiKeyRepository(database);
  if (auth.jwt === null && !(await keys.hasUsable(new Date()))) {
    throw new StartupError([
      'AUTH is required, but nobody could authenticate. Create an API key with npm run api-key -- create ' +
        '--organization ORG --name NAME, or set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off.',
    ]);
  }
  return authenticateByKeyOrToken(new ApiKeys(keys), auth.jwt && new BearerTokens(auth.jwt));
}

/** GraphiQL, rendered when it is first asked for. */
async function graphiqlPage(
  { auth }: Config,
  repository: ExportRepository,
): Promise<() => Promise<GraphiqlPage>> {
  // The page is public: where each viewer sees his own exports, it names none, and has a place for a key instead.
  const options: GraphiqlPageOptions =
    auth.kind === 'required'
      ? { examples: graphiqlExamples(), headers: JSON.stringify({ 'X-API-Key': '' }, null, 2) }
      : { examples: graphiqlExamples(await exampleId(auth.organization, repository)) };
  let page: Promise<GraphiqlPage> | undefined;
  return () => (page ??= renderGraphiqlPage(options));
}

/** The id of a new export with files; undefined when there is none. */
async function exampleId(
  organization: string,
  repository: ExportRepository,
): Promise<string | undefined> {
  const stretch: ExportPageQuery = {
    filter: { resource: null, statuses: [ExportStatus.COMPLETED], search: '' },
    orderBy: ExportOrderBy.CREATED_AT,
    direction: SortDirection.DESC,
    start: { offset: 0 },
    limit: 20,
  };
  const newest = await repository.list(organization, stretch, ['id', 'expiresAt']);
  const now = new Date();
  return newest.find((each) => !isExpired(each, now))?.id;
}

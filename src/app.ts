import { createAuthentication, requiredTables } from './auth/authenticate.js';
import type { Viewer } from './auth/viewer.js';
import type { Config } from './config/config.js';
import { ClockDifference } from './database/clock-difference.js';
import { redactedUrl } from './database/connect.js';
import { FairSemaphore } from './database/fair-semaphore.js';
import { instrumentedDatabase } from './database/instrumented-database.js';
import { openDatabase } from './database/open-database.js';
import { entities } from './entities.js';
import { ChangeFeed } from './exports/change-feed.js';
import { findExampleExportId } from './exports/example-export.js';
import { ExportFileKind } from './exports/export-file.js';
import { ExportPreviews } from './exports/preview/export-previews.js';
import { ExportRepository } from './exports/export-repository.js';
import { invalidRowReporter } from './exports/export-row.js';
import { ExportResolver } from './exports/export-resolver.js';
import { LiveExports } from './exports/live-exports.js';
import { createContext, type OperationRequest } from './graphql/context.js';
import { createSchema } from './graphql/schema.js';
import { createGraphqlServer } from './graphql/server.js';
import { Subscriptions } from './graphql/subscriptions.js';
import { TrustedDocuments } from './graphql/trusted-documents.js';
import { LoadShedder } from './http/load-shedder.js';
import { GRAPHQL_PATH } from './http/requests.js';
import { createHttpServer } from './http/server.js';
import type { Logger } from './logger.js';
import { SampleWorker } from './sample/sample-worker.js';
import { seedIfEmpty } from './sample/seed.js';
import { WorkerRepository } from './sample/worker-repository.js';
import { createFileReader, createUrlSigner, openStorage } from './storage/open-storage.js';
import type { UrlSigner } from './storage/url-signer.js';
import { Metrics } from './telemetry/metrics.js';

export type App = Awaited<ReturnType<typeof createApp>>;

/** Half of the requests that run at once, so that the events of a poll leave room for queries. */
const MAX_CONCURRENT_EVENTS = 20;

/** The composition root. Throws StartupError when the gateway cannot work as configured. */
export async function createApp(config: Config, logger: Logger) {
  const metrics = new Metrics(Object.values(ExportFileKind));
  const tracing = config.tracing
    ? new (await import('./telemetry/tracing.js')).Tracing(logger)
    : null;
  const storage = await openStorage(config.files, { logger });
  const { trustedDocuments: manifest } = config;
  const trustedDocuments = manifest && new TrustedDocuments(manifest);

  const opened = await openDatabase(config.database, {
    entities,
    logger,
    reread: config.reread?.database,
    tables: requiredTables(config.auth),
    prepare: async (source) => {
      if (config.seedSamples) await seedIfEmpty(source, { storage, logger });
    },
  });
  const instrumented = instrumentedDatabase(opened, { onQuery: metrics.queryCompleted, logger });
  const system = config.database.kind === 'mysql' ? 'mysql' : 'sqlite';
  const database = tracing?.tracedDatabase(instrumented, system) ?? instrumented;
  // The embedded database has the clock of the gateway.
  const clock = config.database.kind === 'mysql' ? new ClockDifference(opened) : null;
  await clock?.measure();
  const authenticate = await createAuthentication(config.auth, database, {
    logger,
    onLoaded: metrics.keySetFetched,
    onFailed: metrics.authenticationFailed,
    reread: config.reread?.auth,
  });

  const { signer, localFiles } = await createUrlSigner(storage, {
    origin: () => server.origin(),
    reread: config.reread?.files ?? null,
    logger,
  });
  const meteredSigner: UrlSigner = {
    sign(file, notAfter) {
      metrics.linkSigned();
      return signer.sign(file, notAfter);
    },
  };
  const previews = new ExportPreviews(createFileReader(storage), {
    logger,
    onRead: metrics.previewRead,
  });
  const access = { signer: meteredSigner, previews };
  const repository = new ExportRepository(
    database,
    invalidRowReporter(logger, metrics.invalidRowSkipped),
  );
  const { auth, livePollInterval: intervalMs, liveMaxSubscriptions: max } = config;
  const feed = new ChangeFeed(repository, { intervalMs, logger, onPolled: metrics.live.polled });
  const live = new LiveExports(repository, feed);
  const createOperationContext = (viewer: Viewer, request: OperationRequest) =>
    createContext(viewer, request, { access, live });
  const loadShedder = new LoadShedder(() => {
    metrics.requestRejected('overload');
  });
  const events = new FairSemaphore(MAX_CONCURRENT_EVENTS);
  const maxOfOrganization = auth.kind === 'off' ? max : Math.max(Math.floor(max / 4), 1);
  const subscriptions = new Subscriptions({ max, maxOfOrganization });
  const { apollo, repeatedOperations } = createGraphqlServer(
    await createSchema(new ExportResolver(repository)),
    {
      introspection: config.introspection,
      costPerSecond: config.costPerSecond,
      logger,
      onRejected: metrics.requestRejected,
      subscriptions: {
        subscriptions,
        schedule: (organization, work) =>
          events.run(organization, () =>
            loadShedder.run(work, { organization, onRejected: () => undefined }),
          ),
        createEventContext: (viewer, requestId) =>
          createOperationContext(viewer, { requestId, onOperationResult() {}, stream: null }),
        observer: metrics.live,
      },
    },
  );
  await apollo.start();

  metrics.watch(loadShedder, {
    poolStats: database.poolStats,
    clockDifference: () => clock?.read() ?? 0,
  });
  metrics.live.watch({ openSubscriptions: () => subscriptions.counts, feed });
  const findExampleId =
    auth.kind === 'off' ? () => findExampleExportId(repository, auth.organization) : null;
  const server = await createHttpServer(config, {
    logger,
    apollo,
    repeatedOperations,
    trustedDocuments,
    loadShedder,
    authenticate,
    createContext: createOperationContext,
    graphiql: config.graphiql ? { findExampleId } : null,
    localFiles,
    checkReady: () => database.query('SELECT 1'),
    metrics: metrics.registry,
    onRequestCompleted: metrics.requestCompleted,
    onDisclosed: metrics.filesDisclosed,
    endSubscriptions: () => {
      subscriptions.endAll();
    },
    tracer: tracing,
  });

  const open = () => WorkerRepository.open(config.database, entities);
  const sampleWorker = config.sampleWorker ? new SampleWorker({ open, storage, logger }) : null;

  const replicas = config.database.kind === 'mysql' ? config.database.replicas : [];
  return {
    /** Starts the server and returns the origin that it listens on. */
    async listen(): Promise<string> {
      const origin = await server.listen();
      if (config.graphiql) logger.info(`GraphiQL  ${server.origin()}${GRAPHQL_PATH}`);
      logger.info(`Database  ${redactedUrl(config.database)}`);
      for (const { name } of replicas) logger.info(`Replica   ${name}`);
      logger.info(`Files     ${storage.place}`);
      if (sampleWorker !== null) logger.info('Samples   are moving; SAMPLE_WORKER=off stops them');
      sampleWorker?.start();
      return origin;
    },
    drain: server.drain,
    /** Lets running requests finish, then closes every connection. */
    async close(): Promise<void> {
      await server.close();
      live.close();
      await sampleWorker?.close();
      await apollo.stop();
      await Promise.all([database.close(), tracing?.close()]);
    },
  };
}

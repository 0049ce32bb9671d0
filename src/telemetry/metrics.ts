import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { PoolStats } from '../database/database.js';
import type { CompletedQuery } from '../database/instrumented-database.js';
import { authenticationFailures, type AuthenticationFailure } from '../errors.js';
import type { CompletedRequest } from '../http/request-log.js';
import type { Disclosure } from '../http/requests.js';
import { KeyedHistogram } from './histogram.js';
import { LiveMetrics } from './live-metrics.js';
import { gatewayVersion } from './version.js';

/** Later names become `other`: clients choose names, and the process keeps each label forever. */
const MAX_OPERATIONS = 100;

/** In seconds: from a query that joins another one to the query timeout. */
const QUERY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** In seconds: up to a large download on a slow connection. */
const REQUEST_BUCKETS = [...QUERY_BUCKETS, 10, 60];

const REASONS = [
  'cost',
  'depth',
  'nesting',
  'overload',
  'rate',
  'selections',
  'subscriptions',
  'tokens',
  'validation',
];

const PREVIEW_OUTCOMES = ['success', 'missing', 'unreadable', 'failure'] as const;

/** A read of a file for previews. */
interface CompletedPreviewRead {
  readonly outcome: (typeof PREVIEW_OUTCOMES)[number];
  readonly seconds: number;
}

/** Receives events from other components; only this class names metrics and their labels. */
export class Metrics {
  readonly registry = new Registry();
  readonly #operations = new Set<string>();

  readonly #requests = new KeyedHistogram({
    name: 'http_server_request_duration_seconds',
    help:
      'Duration of HTTP requests until the end of the response. error_code: none, the code of ' +
      'the first error, ABORTED for a client that disconnected, or UNKNOWN.',
    labelNames: ['route', 'status', 'operation', 'error_code'],
    buckets: REQUEST_BUCKETS,
    registers: [this.registry],
  });

  readonly #queries = new KeyedHistogram({
    name: 'db_client_operation_duration_seconds',
    help:
      'Duration of SQL queries, including the wait for a connection, by the tables they read and ' +
      'their outcome: success or failure.',
    labelNames: ['query_summary', 'outcome'],
    buckets: QUERY_BUCKETS,
    registers: [this.registry],
  });

  readonly #links = new Counter({
    name: 'exports_gateway_links_signed_total',
    help: 'Signed links to files.',
    registers: [this.registry],
  });

  readonly #disclosures = new Counter({
    name: 'exports_gateway_links_disclosed_total',
    help: 'Links in responses, by the kind of the file.',
    labelNames: ['kind'],
    registers: [this.registry],
  });

  readonly #previewDisclosures = new Counter({
    name: 'exports_gateway_previews_disclosed_total',
    help: 'Previews in responses, by the kind of the file.',
    labelNames: ['kind'],
    registers: [this.registry],
  });

  readonly #previewReads = new Histogram({
    name: 'exports_gateway_preview_read_duration_seconds',
    help:
      'Duration of reads of files for previews, including the wait for other reads, by outcome: ' +
      'success, missing, unreadable for a file that is not what its kind says, or failure.',
    labelNames: ['outcome'],
    buckets: QUERY_BUCKETS,
    registers: [this.registry],
  });

  readonly #invalidRows = new Counter({
    name: 'exports_gateway_invalid_rows_total',
    help: 'Rows that were read and left out because a value breaks the contract of the table.',
    registers: [this.registry],
  });

  readonly #keySetFetches = new Counter({
    name: 'exports_gateway_jwks_fetches_total',
    help: 'Fetches of the keys of tokens from JWT_JWKS_URL by their result: success or failure.',
    labelNames: ['result'],
    registers: [this.registry],
  });

  readonly #authenticationFailures = new Counter({
    name: 'exports_gateway_authentication_failures_total',
    help: 'Requests whose credentials are missing or not valid, by cause.',
    labelNames: ['cause'],
    registers: [this.registry],
  });

  readonly #rejections = new Counter({
    name: 'exports_gateway_requests_rejected_total',
    help: 'GraphQL requests that were rejected because of a limit or of overload.',
    labelNames: ['reason'],
    registers: [this.registry],
  });

  readonly live = new LiveMetrics(this.registry, (result) => this.#operationLabel(result));

  /** `fileKinds` have a value before their first link. */
  constructor(fileKinds: readonly string[] = []) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'exports_gateway_build_info',
      help: 'Always 1, with the version of the gateway.',
      labelNames: ['version'],
      registers: [this.registry],
    }).set({ version: gatewayVersion() }, 1);
    // Without a value before the first event, rate() would miss it.
    for (const reason of REASONS) this.#rejections.inc({ reason }, 0);
    for (const result of ['success', 'failure']) this.#keySetFetches.inc({ result }, 0);
    for (const cause of authenticationFailures) this.#authenticationFailures.inc({ cause }, 0);
    for (const outcome of PREVIEW_OUTCOMES) this.#previewReads.zero({ outcome });
    for (const kind of fileKinds) {
      this.#disclosures.inc({ kind }, 0);
      this.#previewDisclosures.inc({ kind }, 0);
    }
  }

  readonly requestCompleted = (request: CompletedRequest): void => {
    const { route = 'none', status, seconds, operationResult, disclosed } = request;
    const operation = this.#operationLabel(operationResult);
    const error_code = operationResult.code ?? 'none';
    const key = `${route} ${status} ${operation} ${error_code}`;
    this.#requests.observeByKey(key, { route, status, operation, error_code }, seconds);
    if (disclosed !== null) this.filesDisclosed(disclosed);
  };

  readonly queryCompleted = ({ summary, failed, seconds }: CompletedQuery): void => {
    const outcome = failed ? 'failure' : 'success';
    this.#queries.observeByKey(
      `${outcome} ${summary}`,
      { query_summary: summary, outcome },
      seconds,
    );
  };

  readonly linkSigned = (): void => {
    this.#links.inc();
  };

  readonly filesDisclosed = ({ links, previews }: Disclosure): void => {
    countByKind(links, this.#disclosures);
    countByKind(previews, this.#previewDisclosures);
  };

  readonly previewRead = ({ outcome, seconds }: CompletedPreviewRead): void => {
    this.#previewReads.observe({ outcome }, seconds);
  };

  readonly invalidRowSkipped = (): void => {
    this.#invalidRows.inc();
  };

  readonly keySetFetched = (isSuccess: boolean): void => {
    this.#keySetFetches.inc({ result: isSuccess ? 'success' : 'failure' });
  };

  readonly authenticationFailed = (cause: AuthenticationFailure): void => {
    this.#authenticationFailures.inc({ cause });
  };

  readonly requestRejected = (reason: string): void => {
    this.#rejections.inc({ reason });
  };

  /** `clockDifference` is in seconds. */
  watch(
    load: { readonly inFlight: number; readonly queued: number },
    database: {
      readonly poolStats: () => readonly PoolStats[];
      readonly clockDifference: () => number;
    },
  ): void {
    const { poolStats } = database;
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    const requests = 'exports_gateway_graphql_requests';
    gauge(
      `${requests}_in_flight`,
      'GraphQL requests that are being executed.',
      () => load.inFlight,
    );
    gauge(`${requests}_queued`, 'GraphQL requests that wait to be executed.', () => load.queued);
    new Gauge({
      name: 'exports_gateway_database_server_up',
      help: 'Whether a database server is used: 0 while it does not respond.',
      labelNames: ['server'],
      registers,
      collect() {
        for (const { server, isUp } of poolStats()) this.set({ server }, Number(isUp));
      },
    });
    new Gauge({
      name: 'exports_gateway_database_missing_indexes',
      help: 'Indexes of exports that a database server lacks, so that lists are slow. See its log.',
      labelNames: ['server'],
      registers,
      collect() {
        for (const { server, missingIndexes } of poolStats()) this.set({ server }, missingIndexes);
      },
    });
    gauge(
      'exports_gateway_database_clock_difference_seconds',
      'How far the clock of the database server is ahead, measured once a minute at most.',
      database.clockDifference,
    );
    new Gauge({
      name: 'db_client_connections',
      help: 'SQL queries that have a connection (used) or wait for one (pending), by database server.',
      labelNames: ['server', 'state'],
      registers,
      collect() {
        for (const { server, used, pending } of poolStats()) {
          this.set({ server, state: 'used' }, used);
          this.set({ server, state: 'pending' }, pending);
        }
      },
    });
  }

  #operationLabel({ operation, code }: CompletedRequest['operationResult']): string {
    if (operation === undefined) return 'none';
    const { name } = operation;
    if (name === null) return 'anonymous';
    if (this.#operations.has(name)) return name;
    // Only a successful operation gets a label, so that invalid requests cannot use them all up.
    if (code !== null || this.#operations.size >= MAX_OPERATIONS) return 'other';
    this.#operations.add(name);
    return name;
  }
}

/** Counts first, because prom-client hashes the labels of each call, and a page may have 400. */
function countByKind(files: Disclosure['links'], counter: Counter<'kind'>): void {
  if (files.length === 0) return;
  const counts = new Map<string, number>();
  for (const { kind } of files) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, count] of counts) counter.inc({ kind }, count);
}

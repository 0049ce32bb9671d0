import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

import type { PoolStats } from '../database/database.js';
import type { CompletedQuery } from '../database/instrumented-database.js';
import type { OperationResult } from '../graphql/context.js';
import type { LoadShedder } from '../http/load-shedder.js';
import type { CompletedRequest } from '../http/server.js';
import { KeyedHistogram } from './histogram.js';

/**
 * How many operations have a label of their own. Clients choose their names, and each is kept for as long as the process lives: all that
 * come later are `other`.
 */
const MAX_OPERATIONS = 100;

/** In seconds: from what comes out of a shared statement to what is given up, … */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** … and to what a large file takes on a slow line. */
const REQUEST_BUCKETS = [...BUCKETS, 10, 60];

/** What a request can be refused for. */
const LIMITS = ['cost', 'depth', 'load', 'nesting', 'selections', 'tokens', 'validation'];

/** Everything that is measured. Where it happens, only these functions are known; what they count has its names here. */
export interface Metrics {
  readonly registry: Registry;
  /** A request has its answer. */
  readonly requestCompleted: (answer: CompletedRequest) => void;
  readonly queryCompleted: (statement: CompletedQuery) => void;
  readonly linkSigned: () => void;
  /** A request was refused, or will be, because of a limit of this name. */
  readonly requestRejected: (limit: string) => void;
  /** Gives these numbers whenever the metrics are read. */
  readonly watch: (sources: {
    load: () => LoadShedder['load'];
    poolStats: () => readonly PoolStats[];
  }) => void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Of the process: memory, CPU, garbage collection, the lag of the event loop.
  collectDefaultMetrics({ register: registry });

  const requests = new KeyedHistogram({
    name: 'exports_gateway_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer, by route, status, GraphQL operation, and outcome: ok, or the code of the first error.',
    labelNames: ['route', 'status', 'operation', 'outcome'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const statements = new KeyedHistogram({
    name: 'exports_gateway_statement_duration_seconds',
    help: 'Time that an SQL statement takes, with its wait for a connection, by its tables and outcome: ok or failed.',
    labelNames: ['statement', 'outcome'],
    buckets: BUCKETS,
    registers,
  });
  const links = new Counter({
    name: 'exports_gateway_links_signed_total',
    help: 'Links to files that were signed.',
    registers,
  });
  const limits = new Counter({
    name: 'exports_gateway_limits_hit_total',
    help: 'Refusals because of a limit, by limit.',
    labelNames: ['limit'],
    registers,
  });

  // From the start, for a rate needs a value before the first refusal.
  for (const limit of LIMITS) limits.inc({ limit }, 0);

  const names = new Set<string>();
  function labelOf(operation: OperationResult['operation'], code: string): string {
    if (operation === undefined) return 'none';
    const { name } = operation;
    if (name === null) return 'anonymous';
    if (names.has(name)) return name;
    // Only what is answered well gets one, so that nonsense does not use them up.
    if (code !== 'ok' || names.size >= MAX_OPERATIONS) return 'other';
    names.add(name);
    return name;
  }

  return {
    registry,
    requestCompleted({ route = 'none', status, seconds, outcome }) {
      const code = outcome?.code ?? (status < 400 ? 'ok' : 'error');
      const operation = labelOf(outcome?.operation, code);
      requests.count(`${route} ${status} ${operation} ${code}`, seconds, () => ({
        route,
        status,
        operation,
        outcome: code,
      }));
    },
    queryCompleted({ summary, failed, seconds }) {
      const outcome = failed ? 'failed' : 'ok';
      statements.count(`${summary}: ${outcome}`, seconds, () => ({ statement: summary, outcome }));
    },
    linkSigned() {
      links.inc();
    },
    requestRejected(limit) {
      limits.inc({ limit });
    },
    watch({ load, poolStats }) {
      new Gauge({
        name: 'exports_gateway_graphql_requests',
        help: 'GraphQL requests that are worked on (running), and that wait for their turn (waiting).',
        labelNames: ['state'],
        registers,
        collect() {
          const { running, waiting } = load();
          this.set({ state: 'running' }, running);
          this.set({ state: 'waiting' }, waiting);
        },
      });
      new Gauge({
        name: 'exports_gateway_pool_statements',
        help: 'SQL statements on their way, by server: those that have a connection (in_use), and those that wait for one (waiting).',
        labelNames: ['server', 'state'],
        registers,
        collect() {
          for (const { server, used, pending } of poolStats()) {
            this.set({ server, state: 'in_use' }, used);
            this.set({ server, state: 'waiting' }, pending);
          }
        },
      });
    },
  };
}

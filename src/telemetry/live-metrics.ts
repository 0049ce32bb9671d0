import { Counter, Gauge, type Registry } from 'prom-client';

import type { OperationResult } from '../graphql/context.js';
import { transports, type Transport } from '../graphql/result-stream.js';
import type { SubscriptionObserver } from '../graphql/subscription-execution.js';
import { KeyedHistogram } from './histogram.js';

/** What the gauges of live updates show. */
export interface LiveState {
  readonly openSubscriptions: () => ReadonlyMap<Transport, number>;
  readonly feed: {
    /** For how many seconds changes may be unknown; 0 while no organization is followed. */
    readonly lagSeconds: number;
    /** The number of followed organizations. */
    readonly organizations: number;
  };
}

/** In seconds: from an index range without changes to the query timeout. */
const POLL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The metrics of subscriptions and of the change feed. */
export class LiveMetrics implements SubscriptionObserver {
  #state: LiveState | null = null;
  readonly #ended: Counter<'transport' | 'operation' | 'error_code'>;
  /** By transport. Counted here, because prom-client hashes the labels of each call. */
  readonly #events = new Map(transports.map((transport): [Transport, number] => [transport, 0]));
  readonly #polls: KeyedHistogram<'outcome'>;

  constructor(
    registry: Registry,
    private readonly operationLabel: (result: OperationResult) => string,
  ) {
    const registers = [registry];
    const state = () => this.#state;
    new Gauge({
      name: 'exports_gateway_subscriptions_open',
      help: 'Open subscriptions by transport: websocket, sse or multipart.',
      labelNames: ['transport'],
      registers,
      collect() {
        const open = state()?.openSubscriptions();
        for (const transport of transports) this.set({ transport }, open?.get(transport) ?? 0);
      },
    });
    this.#ended = new Counter({
      name: 'exports_gateway_subscriptions_ended_total',
      help:
        'Subscriptions that have ended. error_code: none for one that completed, ABORTED for a ' +
        'client that unsubscribed or left, or the code of the error that ended it.',
      labelNames: ['transport', 'operation', 'error_code'],
      registers,
    });
    const events = this.#events;
    new Counter({
      name: 'exports_gateway_subscription_events_total',
      help: 'Results that subscriptions have sent, by transport.',
      labelNames: ['transport'],
      registers,
      collect() {
        this.reset();
        for (const [transport, count] of events) this.inc({ transport }, count);
      },
    });
    this.#polls = new KeyedHistogram({
      name: 'exports_gateway_change_feed_poll_duration_seconds',
      help: 'Duration of the polls of the change feed by their outcome: success or failure.',
      labelNames: ['outcome'],
      buckets: POLL_BUCKETS,
      registers,
    });
    new Gauge({
      name: 'exports_gateway_change_feed_lag_seconds',
      help: 'Age of the last successful poll of the change feed; 0 while nothing is followed.',
      registers,
      collect() {
        this.set(state()?.feed.lagSeconds ?? 0);
      },
    });
    new Gauge({
      name: 'exports_gateway_change_feed_organizations',
      help: 'Organizations whose exports are followed by a subscription.',
      registers,
      collect() {
        this.set(state()?.feed.organizations ?? 0);
      },
    });
  }

  readonly subscriptionEnded: SubscriptionObserver['subscriptionEnded'] = ({
    transport,
    operationResult,
  }) => {
    // Only valid operations begin, so that each may have a label, however it ends.
    const operation = this.operationLabel({ ...operationResult, code: null });
    this.#ended.inc({ transport, operation, error_code: operationResult.code ?? 'none' });
  };

  readonly eventSent = (transport: Transport): void => {
    this.#events.set(transport, (this.#events.get(transport) ?? 0) + 1);
  };

  readonly polled = (poll: { readonly seconds: number; readonly failed: boolean }): void => {
    const { seconds, failed } = poll;
    const outcome = failed ? 'failure' : 'success';
    this.#polls.observeByKey(outcome, { outcome }, seconds);
  };

  watch(state: LiveState): void {
    this.#state = state;
  }
}

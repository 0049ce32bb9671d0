import type { Server, ServerResponse } from 'node:http';

import { InFlight } from '../in-flight.js';

/** While the server drains, it still listens until a balancer has seen /health/ready fail. */
const BALANCER_DRAIN_DELAY_MS = 2_000;
/** Without a balancer: until clients have seen `Connection: close` in their next response. */
const DRAIN_DELAY_MS = 300;
/** Exceeds the check interval of balancers. Without a request in it, draining does not wait. */
const ACTIVITY_WINDOW_MS = 60_000;
/** How long a connection without a request stays open once the server no longer listens. */
const UNUSED_CONNECTION_MS = 500;
const CONNECTION_CHECK_MS = 25;

/** Moves clients to other gateways before the server closes, so that no request is lost. */
export class GracefulShutdown {
  isDraining = false;
  #lastRequestAt = -Infinity;
  #lastReadyCheckAt = -Infinity;
  /** Not completely sent yet. */
  readonly responses = new InFlight<ServerResponse>();

  constructor(
    private readonly server: Server,
    /** How long draining takes in seconds; null for a time that fits the requests. */
    private readonly delay: number | null,
  ) {
    const closeIdleConnections = server.closeIdleConnections.bind(server);
    // To Node and Fastify, which call it, too, a connection is idle while its response is being sent.
    server.closeIdleConnections = () => {
      if (![...this.responses].some((response) => response.writableEnded)) closeIdleConnections();
    };
  }

  /** Must be called for every request. */
  track(url: string, response: ServerResponse): void {
    this.#lastRequestAt = performance.now();
    if (url === '/health/ready') this.#lastReadyCheckAt = this.#lastRequestAt;
    if (this.isDraining) closeAfter(response);
    response.once('close', this.responses.add(response));
  }

  /** Signals clients to reconnect elsewhere, and resolves after the time that this takes. */
  async drain(): Promise<void> {
    this.#startDraining();
    const delay = this.delay === null ? this.#fittingDelay() : this.delay * 1000;
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  }

  #fittingDelay(): number {
    const now = performance.now();
    if (now - this.#lastRequestAt > ACTIVITY_WINDOW_MS) return 0;
    const hasBalancer = now - this.#lastReadyCheckAt < ACTIVITY_WINDOW_MS;
    return hasBalancer ? BALANCER_DRAIN_DELAY_MS : DRAIN_DELAY_MS;
  }

  /** Calls `stop`, which waits for all connections, and closes idle ones meanwhile. */
  async close(stop: () => PromiseLike<unknown>): Promise<void> {
    this.#startDraining();
    const closedAt = performance.now();
    const timer = setInterval(() => {
      // Browsers preconnect, and may never use such a connection.
      const isTimeUp = performance.now() - closedAt >= UNUSED_CONNECTION_MS;
      if (isTimeUp && this.responses.size === 0) this.server.closeAllConnections();
      // A response that had begun before draining leaves its connection open.
      else this.server.closeIdleConnections();
    }, CONNECTION_CHECK_MS);
    await stop();
    clearInterval(timer);
  }

  #startDraining(): void {
    this.isDraining = true;
    for (const response of this.responses) closeAfter(response);
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

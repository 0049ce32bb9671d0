import type { Server, ServerResponse } from 'node:http';

/** While it drains, the server still listens, so that a balancer sees /health/ready fail, … */
const BALANCER_DRAIN_DELAY_MS = 2_000;
/** … or, without a balancer, a client sees `Connection: close` in its next response. */
const DRAIN_DELAY_MS = 300;
/** Balancers check more often; without any request for this long, draining does not wait. */
const ACTIVITY_WINDOW_MS = 60_000;
/** How long a connection without a request stays open once the server no longer listens. */
const UNUSED_CONNECTION_MS = 500;
const CONNECTION_CHECK_MS = 25;

/** Moves clients to other gateways before the server closes, so that no request is lost. */
export class GracefulShutdown {
  isDraining = false;
  #lastRequestAt = -Infinity;
  #lastReadyCheckAt = -Infinity;
  readonly #responses = new Set<ServerResponse>();

  constructor(private readonly server: Server) {}

  /** Must be called for every request. */
  track(url: string, response: ServerResponse): void {
    this.#lastRequestAt = performance.now();
    if (url === '/health/ready') this.#lastReadyCheckAt = this.#lastRequestAt;
    if (this.isDraining) closeAfter(response);
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
  }

  /** Asks clients to reconnect elsewhere, and resolves when they had time to. */
  async drain(): Promise<void> {
    this.#startDraining();
    const now = performance.now();
    if (now - this.#lastRequestAt > ACTIVITY_WINDOW_MS) return;
    const hasBalancer = now - this.#lastReadyCheckAt < ACTIVITY_WINDOW_MS;
    const delay = hasBalancer ? BALANCER_DRAIN_DELAY_MS : DRAIN_DELAY_MS;
    await new Promise((resolve) => setTimeout(resolve, delay));
  }

  /** Calls `stop`, which waits for all connections, and closes those without a request. */
  async close(stop: () => PromiseLike<unknown>): Promise<void> {
    this.#startDraining();
    const closedAt = performance.now();
    const timer = setInterval(() => {
      // A browser opens connections in advance, and may never use them.
      const areUnusedIdle = performance.now() - closedAt >= UNUSED_CONNECTION_MS;
      if (areUnusedIdle && this.#responses.size === 0) this.server.closeAllConnections();
      // A response that had begun before draining leaves its connection open.
      else this.server.closeIdleConnections();
    }, CONNECTION_CHECK_MS);
    await stop();
    clearInterval(timer);
  }

  #startDraining(): void {
    this.isDraining = true;
    for (const response of this.#responses) closeAfter(response);
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

import type { ServerResponse } from 'node:http';

/** How often within the timeout the responses are checked. */
const CHECKS = 10;

/**
 * Closes the connection of each response that its client has not read `timeoutMs` after the gateway
 * had it complete: until then it takes memory. Returns a function that stops this.
 */
export function closeSlowReaders(
  responses: Iterable<ServerResponse>,
  { timeoutMs, isExempt }: { timeoutMs: number; isExempt: (response: ServerResponse) => boolean },
): () => void {
  /** When a check first found the response complete: a timer per response would cost more. */
  const completeSince = new WeakMap<ServerResponse, number>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const response of responses) {
      if (!response.writableEnded || isExempt(response)) continue;
      const since = completeSince.get(response);
      if (since === undefined) completeSince.set(response, now);
      else if (now - since >= timeoutMs) response.destroy();
    }
  }, timeoutMs / CHECKS).unref();
  return () => {
    clearInterval(timer);
  };
}

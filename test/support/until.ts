import { setImmediate } from 'node:timers/promises';

/**
 * Polls until there is something to return, for conditions without an event, such as a line in a log. Throws after
 * `timeoutMs`.
 */
export async function until<Found>(
  look: () => Promise<Found | undefined> | Found | undefined,
  timeoutMs = 10_000,
): Promise<Found> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Found nothing in time: ${String(look)}`);
    await setImmediate();
  }
}

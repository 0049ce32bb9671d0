import { setImmediate } from 'node:timers/promises';

/**
 * Lets events happen until there is something to return: for what shows itself without an event of its own, such as a line in
 * a log. Throws when that takes longer than any test should.
 */
export async function until<Found>(
  look: () => Promise<Found | undefined> | Found | undefined,
  patienceMs = 10_000,
): Promise<Found> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Nothing came of it: ${String(look)}`);
    await setImmediate();
  }
}

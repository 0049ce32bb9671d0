import { setImmediate, setTimeout } from 'node:timers/promises';

/** Conditions that only need turns of the event loop are met by then. */
const TURNS = 50;
/** Short against what tests wait for, and long enough to leave the processor to what they wait for. */
const PAUSE_MS = 5;

/**
 * Polls until there is something to return, for conditions without an event, such as a line in a log. Throws after
 * `timeoutMs`, which leaves time to a busy machine.
 */
export async function until<Found>(
  look: () => Promise<Found | undefined> | Found | undefined,
  timeoutMs = 30_000,
): Promise<Found> {
  const deadline = Date.now() + timeoutMs;
  for (let turn = 0; ; turn++) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Found nothing in time: ${String(look)}`);
    await (turn < TURNS ? setImmediate() : setTimeout(PAUSE_MS));
  }
}

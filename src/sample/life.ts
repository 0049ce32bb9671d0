import { ExportStatus } from '../exports/export.js';
import { Random } from './random.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_LIMIT = 30 * MINUTE;

/** The newest that are done, so that the first page somebody looks at has something to download. */
const newest = [2.2, 4.7, 9.1, 15.6, 26, 41.3].map((minutes) => minutes * MINUTE);

/** When an export was created, and whether a timetable did it rather than a person. */
export interface Creation {
  readonly createdAt: Date;
  readonly scheduled: boolean;
}

/**
 * Spread over the last 14 days, more of them recent. Some share their moment to the millisecond: those of a night, which
 * a timetable starts at 02:00 UTC, and pairs that were asked for in one request. Those not yet done are recent.
 */
export function drawCreation(
  random: Random,
  { index, status, seed, now }: { index: number; status: ExportStatus; seed: string; now: Date },
): Creation {
  const ago = (age: number, scheduled = false) => ({
    createdAt: new Date(now.getTime() - Math.round(age)),
    scheduled,
  });
  if (status === ExportStatus.QUEUED) return ago(random.whole(SECOND, 90 * MINUTE));
  if (status === ExportStatus.PROCESSING) return ago(random.whole(MINUTE, 3 * HOUR));
  const isNew = newest[index];
  if (isNew !== undefined) return ago(isNew);
  if (random.chance(0.12)) {
    const time = now.getTime();
    const lastNight = Math.floor((time - 3 * HOUR) / DAY) * DAY + 2 * HOUR;
    return ago(time - lastNight + random.whole(0, 12) * DAY, true);
  }
  const isPair = index % 8 >= 6;
  const moment = isPair ? new Random(`${seed}/pair/${Math.floor(index / 8)}`) : random;
  return ago(HOUR + moment.fraction() ** 1.4 * (14 * DAY - HOUR));
}

/** What became of an export after its creation. */
export interface Life {
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly failureReason: string | null;
}

/** `total`: how many records there are to work through. */
export function drawLife(
  random: Random,
  {
    status,
    createdAt,
    now,
    total,
  }: { status: ExportStatus; createdAt: Date; now: Date; total: number },
): Life {
  const unknown = { startedAt: null, completedAt: null, expiresAt: null, failureReason: null };
  if (status === ExportStatus.QUEUED) return { ...unknown, updatedAt: createdAt };

  const startedAt = after(createdAt, random.whole(200, 45 * SECOND));
  if (status === ExportStatus.PROCESSING) {
    const lastBatch = random.whole(0, now.getTime() - startedAt.getTime());
    return { ...unknown, startedAt, updatedAt: after(startedAt, lastBatch) };
  }
  if (status === ExportStatus.TIMED_OUT) {
    const completedAt = after(startedAt, TIME_LIMIT + random.whole(0, 900));
    const failureReason = 'Not done after 30 minutes. Export less at a time, or try again.';
    return { ...unknown, startedAt, completedAt, updatedAt: completedAt, failureReason };
  }
  const work = Math.min(random.whole(800, 4000) + total * random.whole(5, 40), 10 * MINUTE);
  const completedAt = after(startedAt, work);
  const ended = { startedAt, completedAt, updatedAt: completedAt };
  if (status === ExportStatus.FAILED) {
    return { ...unknown, ...ended, failureReason: random.pick(failureReasons) };
  }
  // So some of the older ones have expired, and the new ones last for days.
  const keptFor = random.weighted([
    [30 * DAY, 60],
    [7 * DAY, 28],
    [null, 12],
  ]);
  const expiresAt = keptFor === null ? null : after(completedAt, keptFor);
  return { ...ended, failureReason: null, expiresAt };
}

const failureReasons = [
  'The carrier’s interface answered 503 three times in a row.',
  'The storage refused the upload (403).',
  'The worker ran out of memory at batch 17.',
  'The search index is being rebuilt. Try again in an hour.',
  'The user who asked for it has lost access to these records.',
];

function after(moment: Date, milliseconds: number): Date {
  return new Date(moment.getTime() + milliseconds);
}

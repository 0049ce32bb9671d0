import { fileNameEndings } from '../exports/export-file.js';
import { ExportResource, ExportStatus, knownResources, type Export } from '../exports/export.js';
import { createRandom, sampleId, type Random } from './random.js';
import { generatePerson, generateTheme, locales } from './records.js';
import { generateRun, type RunFile } from './run-files.js';

/** An export as the two tables hold it, and the contents of its files. */
export type SampleExport = ReturnType<ReturnType<typeof createSampleGenerator>>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const { COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT } = ExportStatus;
/** The first 30 samples show each resource in each status, in this order. */
const statuses = [COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT];
export type Failure = Pick<Export, 'failureCode' | 'failureReason'>;
export const failures: readonly Failure[] = [
  { failureCode: 'CARRIER_DOWN', failureReason: 'The carrier’s API stopped responding.' },
  { failureCode: 'UPLOAD_REJECTED', failureReason: 'The storage rejected the upload (403).' },
];
const noFailure: Failure = { failureCode: null, failureReason: null };

/** So few that each has several exports. */
const requesters = Array.from(
  { length: 12 },
  (_, index) => generatePerson(createRandom(`requester/${index}`), locales[0]).email,
);

/** Returns a generator of numbered samples; the same seed and `now` yield the same bytes. */
export function createSampleGenerator(seed: string, now: Date) {
  const runs = new Map<string, ReturnType<typeof generateRun>>();
  return (index: number) => {
    const random = createRandom(`${seed}/export/${index}`);
    const turn = Math.floor(index / knownResources.length);
    const resource = knownResources[index % knownResources.length] ?? ExportResource.CONTACT;
    const status = statuses[turn] ?? (random.fraction() < 0.6 ? COMPLETED : random.pick(statuses));
    const isDemo = turn < statuses.length || random.fraction() < 0.75;
    // Each eighth export shares the times of the one before, as if one request created both.
    const moment = createRandom(`${seed}/times/${index % 8 === 7 ? index - 1 : index}`);
    const times = generateTimes(moment, { index, status, now: now.getTime() });

    // The first 252 samples have files of their own. For 100,000, these would take gigabytes.
    const key = `${seed}/run/${resource}/${status}/${turn % 42}`;
    const request = { resource, at: times.createdAt, failed: status === FAILED };
    const hasFiles = status === COMPLETED || (status === FAILED && random.fraction() < 0.4);
    const run = hasFiles ? (runs.get(key) ?? generateRun(key, request)) : null;
    if (run !== null) runs.set(key, run);
    const total = run?.total ?? (status === QUEUED ? 0 : random.integer(200, 99_999));
    const batches = Math.ceil(total / 50);

    const [{ titles }] = generateTheme(createRandom(key));
    const title = titles.split('|')[knownResources.indexOf(resource)] ?? resource;
    const name = generateName(random, title, times.createdAt);
    const row = {
      id: sampleId(`${seed}/id/${index}`),
      organizationId: isDemo ? 'org_demo' : random.word('org_acme|org_globex'),
      name,
      resource,
      status,
      countBatches: batches,
      countTotal: total,
      ...(status === FAILED || status === TIMED_OUT ? random.pick(failures) : noFailure),
      requestedBy: random.fraction() < 0.2 ? null : random.pick(requesters),
      // Whole batches, some of which are left where there are no files.
      countProcessed: run === null && total > 0 ? 50 * random.integer(1, batches - 1) : total,
      ...times,
    };
    return { row, files: (run?.files ?? []).map((file) => fileOf(row, file)) };
  };
}

/** A file of a run as that of an export. */
export function fileOf({ id, name }: Pick<Export, 'id' | 'name'>, file: RunFile) {
  // Windows, macOS or Linux reject these characters in file names.
  const stem = name.replace(/[/\\:*?"<>|]+/g, '_');
  return { ...file, exportId: id, fileName: `${stem}${fileNameEndings[file.kind]}` };
}

/** A sample that has just been requested, of a seed of its own. */
export function createQueuedSample(seed: string, now: Date): SampleExport {
  const random = createRandom(seed);
  const firstQueued = statuses.indexOf(QUEUED) * knownResources.length;
  const index = firstQueued + random.integer(0, knownResources.length - 1);
  const { row } = createSampleGenerator(seed, now)(index);
  return { row: { ...row, createdAt: now, updatedAt: now }, files: [] };
}

/** Times in the last 14 days, except the expiry. Exports of a nightly schedule tie. */
function generateTimes(
  random: Random,
  { index, status, now }: { index: number; status: ExportStatus; now: number },
): Pick<Export, 'createdAt' | 'updatedAt' | 'startedAt' | 'completedAt' | 'expiresAt'> {
  const isActive = status === QUEUED || status === PROCESSING;
  const night = Math.floor(now / DAY - random.integer(1, 13)) * DAY + 2 * HOUR;
  const anyTime = Math.round(now - HOUR - random.fraction() ** 1.4 * (14 * DAY - HOUR));
  let created = random.fraction() < 0.12 ? night : anyTime;
  if (isActive) created = now - random.integer(MINUTE, 3 * HOUR);
  // The first samples are completed: the newest exports have files to download.
  if (index < 6) created = now - (index + 1.5) ** 2 * MINUTE;
  const started = created + random.integer(200, MINUTE / 2);
  const ended = started + (status === TIMED_OUT ? 30 * MINUTE : random.integer(800, MINUTE));
  const lastBatch = random.integer(started, now);
  const daysKept = status === COMPLETED ? random.pick([30, 30, 30, 7, null]) : null;
  return {
    createdAt: new Date(created),
    startedAt: status === QUEUED ? null : new Date(started),
    completedAt: isActive ? null : new Date(ended),
    updatedAt: new Date(status === QUEUED ? created : isActive ? lastBatch : ended),
    expiresAt: daysKept === null ? null : new Date(ended + daysKept * DAY),
  };
}

/** Some names are nearly equal, or mean something to SQL, CSV, HTML, shells or file systems. */
function generateName(random: Random, title: string, createdAt: Date): string {
  const date = createdAt.toISOString().slice(0, 10);
  const year = date.slice(0, 4);
  const plain = `${title} ${date}|${title} ${date.slice(0, 7)}|🚚 ${title} ${year}|${title} ${year}`;
  const awkward =
    `${title.toUpperCase()} ${year}|${title.toLowerCase()} ${year}|${title}_${year}|${title}  ${year}|` +
    `${title} 100%|“${title}” (2)|${title}/${year} <2>?|C:\\exports\\${title}|=1+1;"${title}",'${year}'|` +
    `✅ ${title} – Zürich ❤️‍🔥👩‍👩‍👧|${title} with every field that the auditors asked for, even those that ` +
    `are never filled in, and sorted like in the previous system for a comparison, ${date}`;
  return random.word(random.fraction() < 0.35 ? awkward : plain);
}

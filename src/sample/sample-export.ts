import type { ExportFileRow } from '../exports/export-file.js';
import { ExportResource, ExportStatus, type Export } from '../exports/export.js';
import { drawEmail, drawTheme } from './address-book.js';
import { drawExportName, fileNameOf } from './export-name.js';
import type { FileSet } from './file-set.js';
import type { FileSets } from './file-sets.js';
import { drawCreation, drawLife } from './life.js';
import { at, Random } from './random.js';
import { english } from './world.js';

/** The columns of an entity, without its methods. */
export type Columns<T> = {
  [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]: T[K];
};

/** An export as the two tables have it. */
export interface SampleExport {
  readonly row: Columns<Export>;
  readonly files: readonly Columns<ExportFileRow>[];
}

const BATCH_SIZE = 50;
const resources = Object.values(ExportResource);
/** How often each is met; the order is that of the very first samples, which begin with completed ones. */
const statuses = [
  [ExportStatus.COMPLETED, 70],
  [ExportStatus.FAILED, 10],
  [ExportStatus.PROCESSING, 8],
  [ExportStatus.QUEUED, 6],
  [ExportStatus.TIMED_OUT, 6],
] as const;
/** The first 30 show every resource in every status. */
const COMBINATIONS = resources.length * statuses.length;

export interface SampleSeries {
  /** Decides everything but the times. */
  readonly seed: string;
  /** The end of the days that the samples are spread over. */
  readonly now: Date;
  readonly sets: FileSets;
}

/** The id of a sample: base58 like every id, and the same for the same seed. */
export function sampleId(seed: string, index: number): string {
  return `exp_${new Random(`${seed}/id/${index}`).base58(22)}`;
}

/** The sample number `index` of a series; writes its files where it has any of its own. */
export async function makeSample(series: SampleSeries, index: number): Promise<SampleExport> {
  const { seed, now, sets } = series;
  const random = new Random(`${seed}/export/${index}`);
  const resource = at(resources, index % resources.length);
  const isOneOfEach = index < COMBINATIONS;
  const status = isOneOfEach
    ? at(statuses, Math.floor(index / resources.length))[0]
    : random.weighted(statuses);
  const organizationId = isOneOfEach ? 'org_demo' : random.weighted(organizations);
  const { createdAt, scheduled } = drawCreation(random, { index, status, seed, now });

  const failed = status === ExportStatus.FAILED;
  const hasFiles = status === ExportStatus.COMPLETED || (failed && random.chance(0.4));
  const set = hasFiles ? await sets.take(random, { resource, at: createdAt, failed }) : null;
  const theme = set?.theme ?? drawTheme(random);
  const name = drawExportName(random, { theme, resource, createdAt });
  const total = set?.total ?? plannedTotal(random, status);
  const life = drawLife(random, { status, createdAt, now, total });
  const requester = [random.pick(english.firstNames), random.pick(english.lastNames)] as const;
  const id = sampleId(seed, index);
  return {
    row: {
      id,
      organizationId,
      name,
      resource,
      status,
      countBatches: Math.ceil(total / BATCH_SIZE),
      countTotal: total,
      requestedBy: scheduled || random.chance(0.1) ? null : drawEmail(random, ...requester),
      createdAt,
      ...life,
      ...(failed && set !== null && { failureReason: refusal(set) }),
    },
    files: (set?.files ?? []).map((file) => ({
      ...file,
      exportId: id,
      fileName: fileNameOf(name, file.kind),
    })),
  };
}

const organizations = [
  ['org_demo', 78],
  ['org_acme', 13],
  ['org_globex', 9],
] as const;

function refusal(set: FileSet): string {
  return `None of the ${set.total} records could be exported. The error file says why.`;
}

/** A queued export has not been cut into batches yet, and one that timed out was large. */
function plannedTotal(random: Random, status: ExportStatus): number {
  if (status === ExportStatus.QUEUED) return 0;
  return status === ExportStatus.TIMED_OUT
    ? random.whole(40_000, 250_000)
    : random.whole(200, 20_000);
}

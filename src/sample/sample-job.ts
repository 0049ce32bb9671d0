import { ExportStatus } from '../exports/export.js';
import { createRandom } from './random.js';
import { failures, fileOf, type Failure, type SampleExport } from './sample-export.js';
import { generateRun } from './run-files.js';
import type { WaitingSample } from './worker-repository.js';

/** What becomes of a sample. */
export interface SampleJob {
  readonly total: number;
  /** In how many steps all records would be processed. */
  readonly steps: number;
  /** The step with which it ends. */
  readonly lastStep: number;
  readonly outcome:
    | { readonly status: ExportStatus.COMPLETED; readonly files: SampleExport['files'] }
    | { readonly status: ExportStatus.FAILED | ExportStatus.TIMED_OUT; readonly failure: Failure };
}

const { COMPLETED, FAILED, TIMED_OUT } = ExportStatus;
const outcomes = [...Array<typeof COMPLETED>(8).fill(COMPLETED), FAILED, TIMED_OUT] as const;
/** Distinct files for each resource, so that a gateway that runs for days does not fill the disk. */
const RUNS = 8;

/** The id of the sample decides, and the contents of its files depend on `at`. */
export function planJob({ id, name, resource }: WaitingSample, at: Date): SampleJob {
  const random = createRandom(id);
  const steps = random.integer(20, 40);
  const status = random.pick(outcomes);
  if (status !== COMPLETED) {
    const lastStep = random.integer(5, steps - 5);
    const outcome = { status, failure: random.pick(failures) };
    return { total: random.integer(200, 99_999), steps, lastStep, outcome };
  }
  const first = random.integer(1, RUNS);
  for (let attempt = 0; ; attempt += 1) {
    const key = `demo/${resource}/${first}/${attempt}`;
    const { total, files } = generateRun(key, { resource, at, failed: false });
    // Without records there is no progress to see.
    if (total === 0) continue;
    const outcome = { status, files: files.map((file) => fileOf({ id, name }, file)) };
    return { total, steps, lastStep: steps, outcome };
  }
}

import { randomUUID } from 'node:crypto';

import { withDeadline } from '../deadline.js';
import { toError } from '../errors.js';
import { ExportStatus } from '../exports/export.js';
import type { Logger } from '../logger.js';
import type { Storage } from '../storage/open-storage.js';
import { writeToStorage } from './file-writer.js';
import { createQueuedSample } from './sample-export.js';
import { planJob, type SampleJob } from './sample-job.js';
import type { Claim, WaitingSample, WorkerRepository } from './worker-repository.js';

const STEP_MS = 1_000;
/** Of each organization, so that something moves in the one that a newcomer sees. */
const MAX_RUNNING = 3;
const DEMO = 'org_demo';
/** While nothing waits, how often it looks for samples, and adds one where there is none. */
const STEPS_BETWEEN_SAMPLES = 20;
const FAILED_STEPS_TO_LOG = 5;
const STALE_AFTER_MS = 60_000;
const CLOSE_TIMEOUT_MS = 2_000;

type RunningSample = SampleJob & {
  readonly claim: Claim;
  readonly organizationId: string;
  step: number;
};

interface SampleWorkerOptions {
  readonly open: () => Promise<WorkerRepository>;
  readonly storage: Storage;
  readonly logger: Logger;
  /** How many of the samples that it adds are kept. */
  readonly maxAdded?: number;
}

/**
 * Plays the export worker of the embedded database, so that samples move: it claims queued ones,
 * advances a few at a time, writes their files and ends them. It changes no other export, and several
 * gateways may share a database. Nothing that fails stops it.
 */
export class SampleWorker {
  readonly #startedAt = new Date();
  readonly #written = new Set<string>();
  readonly #added: string[] = [];
  #repository: WorkerRepository | null = null;
  #waiting: WaitingSample[] = [];
  #running: RunningSample[] = [];
  #stepsToSearch = 0;
  #problem = '';
  #failedSteps = 0;
  #timer: NodeJS.Timeout | undefined;
  #currentStep: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(private readonly options: SampleWorkerOptions) {}

  /** Takes a step each second from now on. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#currentStep = this.step().finally(() => {
        if (!this.#isClosed) this.start();
      });
    }, STEP_MS).unref();
  }

  /** Advances every running sample, and starts another one if there is room. Never rejects. */
  async step(): Promise<void> {
    this.#problem = '';
    for (const sample of this.#running) await this.#attempt((on) => this.#advance(sample, on));
    await this.#attempt((on) => this.#startNext(on));
    this.#failedSteps = this.#problem === '' ? 0 : this.#failedSteps + 1;
    // Another gateway locks the database for a moment only.
    if (this.#failedSteps !== FAILED_STEPS_TO_LOG) return;
    this.options.logger.warn(`The samples have stopped moving: ${this.#problem}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // A bucket may take longer; then its file stays without a row.
    await withDeadline(this.#currentStep, CLOSE_TIMEOUT_MS).catch(() => undefined);
    await this.#repository?.close();
    this.#repository = null;
  }

  /** Remembers what fails, such as a locked database or a full disk; the next step tries again. */
  async #attempt(action: (repository: WorkerRepository) => Promise<void>): Promise<void> {
    try {
      await action((this.#repository ??= await this.options.open()));
    } catch (error) {
      this.#problem = toError(error).message;
    }
  }

  async #startNext(repository: WorkerRepository): Promise<void> {
    if (!this.#isFull(DEMO) && !this.#waiting.some(isDemo)) await this.#search(repository);
    const index = this.#waiting.findIndex(({ organizationId }) => !this.#isFull(organizationId));
    const next = this.#waiting[index];
    if (next === undefined) return;
    if (next.status === ExportStatus.PROCESSING) {
      const isQueued = await repository.requeue(next);
      const queued = isQueued ? [{ ...next, status: ExportStatus.QUEUED }] : [];
      this.#waiting.splice(index, 1, ...queued);
      return;
    }
    const job = planJob(next, this.#startedAt);
    const claim = await repository.claim(next.id, job.total);
    this.#waiting.splice(index, 1);
    const { organizationId } = next;
    if (claim !== null) this.#running.push({ ...job, claim, organizationId, step: 0 });
  }

  #isFull(organization: string): boolean {
    const own = this.#running.filter(({ organizationId }) => organizationId === organization);
    return own.length >= MAX_RUNNING;
  }

  /** Looks for samples that wait. Where none can be seen, it adds one, but only among other samples. */
  async #search(repository: WorkerRepository): Promise<void> {
    if (this.#stepsToSearch-- > 0) return;
    this.#stepsToSearch = STEPS_BETWEEN_SAMPLES;
    const now = new Date();
    const find = () => repository.findWaiting(new Date(now.getTime() - STALE_AFTER_MS));
    this.#waiting = await find();
    if (this.#waiting.some(isDemo) || !(await repository.hasSamples())) return;
    const sample = createQueuedSample(randomUUID(), now);
    await repository.add(sample);
    this.#added.push(sample.row.id);
    const { maxAdded = 500 } = this.options;
    const oldest = this.#added.length > maxAdded ? this.#added.shift() : undefined;
    if (oldest !== undefined) await repository.delete(oldest);
    this.#waiting = await find();
  }

  async #advance(sample: RunningSample, repository: WorkerRepository): Promise<void> {
    const { claim, total, steps, lastStep } = sample;
    const isLast = sample.step + 1 >= lastStep;
    const isOwn = await (isLast
      ? this.#end(sample, repository)
      : repository.progress(claim, Math.floor((total * (sample.step + 1)) / steps)));
    sample.step += 1;
    if (isLast || !isOwn) this.#running = this.#running.filter((each) => each !== sample);
  }

  async #end({ claim, outcome }: RunningSample, repository: WorkerRepository): Promise<boolean> {
    if ('failure' in outcome) return repository.fail(claim, outcome.status, outcome.failure);
    for (const file of outcome.files) {
      if (this.#written.has(file.objectKey)) continue;
      await writeToStorage(this.options.storage, file);
      this.#written.add(file.objectKey);
    }
    return repository.complete(claim, outcome.files);
  }
}

function isDemo({ organizationId }: WaitingSample): boolean {
  return organizationId === DEMO;
}

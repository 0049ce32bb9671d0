import type { DataSource, EntityManager } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import { createDataSource, type Entities } from '../database/data-source.js';
import { toSqlDateTime } from '../database/sql-datetime.js';
import { ExportFileRow } from '../exports/export-file.js';
import { ExportStatus, knownResources, type KnownResource } from '../exports/export.js';
import { isSampleId } from './random.js';
import type { Failure, SampleExport } from './sample-export.js';
import { insertRows, insertSamples } from './sample-repository.js';

/** A sample that waits for a worker. */
export interface WaitingSample {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly resource: KnownResource;
  readonly status: ExportStatus;
  /** As the database returns it. */
  readonly updatedAt: string;
}

/** A run of a sample: no other claim of it began at the same time. */
export interface Claim {
  readonly id: string;
  readonly startedAt: string;
}

const { COMPLETED, PROCESSING, QUEUED } = ExportStatus;
const ORGANIZATIONS = ['org_demo', 'org_acme', 'org_globex'];
const MAX_ROWS = 1_000;
const DAYS_KEPT = 30;
/** It moves with every change, whatever the clock says (docs/writing-exports.md). */
const UPDATED = "updated_at = MAX(?, STRFTIME('%Y-%m-%d %H:%M:%f', updated_at, '+0.001 seconds'))";
const sqlNow = () => toSqlDateTime(new Date());
const listed = (values: readonly string[]) => values.map((value) => `'${value}'`).join(', ');

/**
 * The statements of docs/writing-exports.md in the dialect of the embedded database. Each names the
 * state that it leaves, and resolves to false when the export is in another one.
 */
export class WorkerRepository {
  private constructor(private readonly source: DataSource) {}

  /** Opens a connection of its own, which never makes the process wait for a lock or for the disk. */
  static async open(config: DatabaseConfig, entities: Entities): Promise<WorkerRepository> {
    const source = await (await createDataSource(config, entities)).initialize();
    await source.query('PRAGMA busy_timeout = 0');
    await source.query('PRAGMA synchronous = NORMAL');
    return new WorkerRepository(source);
  }

  /** The oldest samples that are queued, or that no worker has updated since `staleSince`. */
  async findWaiting(staleSince: Date): Promise<WaitingSample[]> {
    const rows = await this.source.query<WaitingSample[]>(
      `SELECT id, organization_id AS organizationId, name, resource, status, updated_at AS updatedAt
       FROM exports
       WHERE organization_id IN (${listed(ORGANIZATIONS)}) AND resource IN (${listed(knownResources)})
         AND status IN ('${QUEUED}', '${PROCESSING}') AND (status = '${QUEUED}' OR updated_at < ?)
       ORDER BY created_at, id LIMIT ${MAX_ROWS}`,
      [toSqlDateTime(staleSince)],
    );
    return rows.filter(({ id }) => isSampleId(id));
  }

  async hasSamples(): Promise<boolean> {
    const sql = `SELECT id FROM exports LIMIT ${MAX_ROWS}`;
    return (await this.source.query<{ id: string }[]>(sql)).some(({ id }) => isSampleId(id));
  }

  add(sample: SampleExport): Promise<void> {
    return insertSamples(this.source, [sample]);
  }

  async claim(id: string, countTotal: number): Promise<Claim | null> {
    const startedAt = sqlNow();
    const values = 'started_at = ?, count_batches = ?, count_total = ?, count_processed = 0';
    const isClaimed = await this.update(
      `status = '${PROCESSING}', ${values}, ${UPDATED} WHERE id = ? AND status = '${QUEUED}'`,
      [startedAt, Math.ceil(countTotal / 50), countTotal, startedAt, id],
    );
    return isClaimed ? { id, startedAt } : null;
  }

  /** Queues a sample again whose worker has disappeared. */
  requeue({ id, updatedAt }: WaitingSample): Promise<boolean> {
    return this.update(
      `status = '${QUEUED}', started_at = NULL, count_processed = 0, ${UPDATED}
       WHERE id = ? AND status = '${PROCESSING}' AND updated_at = ?`,
      [sqlNow(), id, updatedAt],
    );
  }

  progress(claim: Claim, countProcessed: number): Promise<boolean> {
    return this.updateClaimed(claim, 'count_processed = ?', [countProcessed]);
  }

  async complete(claim: Claim, files: SampleExport['files']): Promise<boolean> {
    const expiresAt = new Date(Date.now() + DAYS_KEPT * 86_400_000);
    return this.source.transaction(async (manager) => {
      const isCompleted = await this.updateClaimed(
        claim,
        `status = '${COMPLETED}', count_processed = count_total, completed_at = ?, expires_at = ?`,
        [sqlNow(), toSqlDateTime(expiresAt)],
        manager,
      );
      if (isCompleted) await insertRows(manager, ExportFileRow, files);
      return isCompleted;
    });
  }

  /** Ends an export as failed or timed out. */
  fail(claim: Claim, status: ExportStatus, failure: Failure): Promise<boolean> {
    const values = 'status = ?, completed_at = ?, failure_reason = ?, failure_code = ?';
    const { failureReason, failureCode } = failure;
    return this.updateClaimed(claim, values, [status, sqlNow(), failureReason, failureCode]);
  }

  async delete(id: string): Promise<void> {
    await this.source.transaction(async (manager) => {
      await manager.query('DELETE FROM exports WHERE id = ?', [id]);
      await manager.query('DELETE FROM export_files WHERE export_id = ?', [id]);
    });
  }

  close(): Promise<void> {
    return this.source.destroy();
  }

  private updateClaimed(
    { id, startedAt }: Claim,
    values: string,
    parameters: readonly unknown[],
    connection?: EntityManager,
  ): Promise<boolean> {
    const changes = `${values}, ${UPDATED} WHERE id = ? AND status = '${PROCESSING}' AND started_at = ?`;
    return this.update(changes, [...parameters, sqlNow(), id, startedAt], connection);
  }

  /** Resolves to whether the statement has changed a row. */
  private async update(
    changes: string,
    parameters: readonly unknown[],
    connection: DataSource | EntityManager = this.source,
  ): Promise<boolean> {
    const sql = `UPDATE exports SET ${changes} RETURNING id`;
    return (await connection.query<unknown[]>(sql, [...parameters])).length > 0;
  }
}

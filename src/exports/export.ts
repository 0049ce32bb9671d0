import { GraphQLDateTime } from 'graphql-scalars';
import { Directive, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import { ExportFileKind, ExportFileState } from './export-file.js';

/** What an export holds. The names are the API's, the values the database's. */
export enum ExportResource {
  CONTACT = 'contact',
  GROUP = 'group',
  LOCATION = 'location',
  SHIPMENT = 'shipment',
  TRACKER = 'tracker',
  SHIPPING_LABEL_INFERENCE = 'shipping_label_inference',
}
registerEnumType(ExportResource, {
  name: 'ExportResource',
  description: 'What an export holds.',
  valuesConfig: {
    CONTACT: { description: 'People and companies with their addresses.' },
    GROUP: { description: 'Groups of contacts.' },
    LOCATION: { description: 'Places with their coordinates.' },
    SHIPMENT: { description: 'Parcels on their way.' },
    TRACKER: { description: 'Tracking numbers and their last events.' },
    SHIPPING_LABEL_INFERENCE: { description: 'What was read from photographed shipping labels.' },
  },
});

/** Where an export stands. The names are the API's, the values the database's. */
export enum ExportStatus {
  QUEUED = 'queued',
  PROCESSING = 'processing',
  COMPLETED = 'completed',
  FAILED = 'failed',
  TIMED_OUT = 'timed_out',
}
registerEnumType(ExportStatus, {
  name: 'ExportStatus',
  description: 'Where an export stands.',
  valuesConfig: {
    QUEUED: { description: 'Waits for a worker.' },
    PROCESSING: { description: 'A worker is writing it.' },
    COMPLETED: { description: 'Done; its files are ready until it expires.' },
    FAILED: { description: 'Ended with an error; see failureReason.' },
    TIMED_OUT: { description: 'Ended because it took too long.' },
  },
});

/** Which links the request asked for; nothing is read or signed for the others. */
export interface RequestedLinks {
  readonly includeJson: boolean;
  readonly includeCsv: boolean;
}

/** One row of `exports` and the GraphQL object made of it. */
@Directive('@key(fields: "id")')
@ObjectType({
  description: 'A data export: a job that another system runs, and the files it leaves.',
})
@Entity('exports')
@Index('exports_by_created_at', ['organizationId', 'createdAt', 'id'])
@Index('exports_by_updated_at', ['organizationId', 'updatedAt', 'id'])
@Index('exports_by_count_batches', ['organizationId', 'countBatches', 'id'])
@Index('exports_by_count_total', ['organizationId', 'countTotal', 'id'])
export class Export {
  @Field(() => ID, { description: "Identifies the export: 'exp_' and 22 base58 characters." })
  @PrimaryColumn({ type: 'varchar', length: 26 })
  id!: string;

  /** Whose export it is. It decides what a viewer sees and is not part of any answer. */
  @Column({ name: 'organization_id', type: 'varchar', length: 64 })
  organizationId!: string;

  @Field(() => String, { description: 'The name its creator gave it.' })
  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Field(() => ExportResource, { description: 'What it holds.' })
  @Column({ type: 'varchar', length: 32 })
  resource!: ExportResource;

  @Field(() => ExportStatus, { description: 'Where it stands.' })
  @Column({ type: 'varchar', length: 16 })
  status!: ExportStatus;

  @Field(() => Int, { description: 'How many batches the work is cut into.' })
  @Column({ name: 'count_batches', type: 'integer', default: 0 })
  countBatches!: number;

  @Field(() => Int, { description: 'How many records it covers.' })
  @Column({ name: 'count_total', type: 'integer', default: 0 })
  countTotal!: number;

  @Field(() => String, { nullable: true, description: 'Why it failed, in words for a person.' })
  @Column({ name: 'failure_reason', type: 'varchar', length: 500, nullable: true })
  failureReason!: string | null;

  // So that a contract of a federated graph can leave it out.
  @Directive('@tag(name: "personal-data")')
  @Field(() => String, { nullable: true, description: 'Who asked for it, when that is known.' })
  @Column({ name: 'requested_by', type: 'varchar', length: 255, nullable: true })
  requestedBy!: string | null;

  @Field(() => GraphQLDateTime, { description: 'When it was created.' })
  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Field(() => GraphQLDateTime, { description: 'When its row last changed.' })
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When a worker took it up.' })
  @Column({ name: 'started_at', type: 'datetime', precision: 3, nullable: true })
  startedAt!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When it ended, well or not.' })
  @Column({ name: 'completed_at', type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'When its files stop being available; null: never.',
  })
  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null;

  /** Which links the request asked for. Belongs to one place in one answer, not to the row. */
  private requestedLinks: RequestedLinks = { includeJson: false, includeCsv: false };

  /**
   * This export as one place in a request asked for it. A copy: the same row may stand in one answer twice with
   * different flags, and neither place may see the other's.
   */
  requestedWith({ includeJson, includeCsv }: RequestedLinks): Export {
    return Object.assign(new Export(), this, { requestedLinks: { includeJson, includeCsv } });
  }

  /** Whether the request asked for a link to the file of this kind. */
  isLinkRequested(kind: ExportFileKind): boolean {
    return kind === ExportFileKind.JSON
      ? this.requestedLinks.includeJson
      : this.requestedLinks.includeCsv;
  }

  /** Whether the files are no longer available at `now`. */
  isExpired(now: Date): boolean {
    return this.expiresAt !== null && this.expiresAt <= now;
  }

  /** The state of a file of this export at `now`; `exists`: whether a worker has left one. */
  fileState(exists: boolean, now: Date): ExportFileState {
    if (this.isExpired(now)) return ExportFileState.EXPIRED;
    if (exists) return ExportFileState.READY;
    const mayStillCome =
      this.status === ExportStatus.QUEUED || this.status === ExportStatus.PROCESSING;
    return mayStillCome ? ExportFileState.PENDING : ExportFileState.NOT_PRODUCED;
  }
}

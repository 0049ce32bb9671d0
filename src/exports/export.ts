import { Directive, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import { ExportFile } from './export-file.js';
import { linkCost, filesCost } from './export-cost.js';
import { DateTime, Url } from './export-scalars.js';

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

/** What filters look at: behind an order in its index, they decide without reading a row. */
const filteredFields = ['resource', 'status', 'name'];

/** One row of `exports`, and the GraphQL object made of it and of its files. */
@Directive('@key(fields: "id")')
@ObjectType({
  description: 'A data export: a job that another system runs, and the files it leaves.',
  // Plain properties need no resolver. What may fail or take its time (`simple: false`) has one.
  simpleResolvers: true,
})
@Entity('exports')
@Index('exports_by_created_at', ['organizationId', 'createdAt', 'id'])
@Index('exports_by_updated_at', ['organizationId', 'updatedAt', 'id'])
@Index('exports_by_count_batches', ['organizationId', 'countBatches', 'id'])
@Index('exports_by_count_total', ['organizationId', 'countTotal', 'id'])
@Index('exports_filtered_by_created_at', ['organizationId', 'createdAt', 'id', ...filteredFields])
@Index('exports_filtered_by_updated_at', ['organizationId', 'updatedAt', 'id', ...filteredFields])
@Index('exports_filtered_by_count_batches', [
  'organizationId',
  'countBatches',
  'id',
  ...filteredFields,
])
@Index('exports_filtered_by_count_total', ['organizationId', 'countTotal', 'id', ...filteredFields])
@Index('exports_by_resource_and_status', ['organizationId', 'resource', 'status'])
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

  @Field(() => DateTime, { description: 'When it was created.' })
  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When its row last changed.' })
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When a worker took it up.' })
  @Column({ name: 'started_at', type: 'datetime', precision: 3, nullable: true })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ended, well or not.' })
  @Column({ name: 'completed_at', type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its files stop being available; null: never.',
  })
  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description:
      'A link to the exported data as JSON. Null unless includeJson is set and the file exists.',
  })
  readonly jsonUrl?: string | null;

  @Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description:
      'A link to the exported data as CSV. Null unless includeCsv is set and the file exists.',
  })
  readonly csvUrl?: string | null;

  @Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description:
      'A link to the errors of the export as CSV. Null unless includeCsv is set and there were any.',
  })
  readonly csvErrorUrl?: string | null;

  @Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description:
      'A link to the rows left out of the CSV because they looked malicious, made safe. Null unless includeCsv is set and there were any.',
  })
  readonly csvSanitizedUrl?: string | null;

  @Field(() => [ExportFile], {
    simple: false,
    complexity: filesCost,
    description: 'The four files an export may leave, each with its state.',
  })
  readonly files?: ExportFile[];
}

/** Where the fields of an export that are columns lie in its table. */
export const exportColumns = {
  id: 'id',
  name: 'name',
  resource: 'resource',
  status: 'status',
  countBatches: 'count_batches',
  countTotal: 'count_total',
  failureReason: 'failure_reason',
  requestedBy: 'requested_by',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  startedAt: 'started_at',
  completedAt: 'completed_at',
  expiresAt: 'expires_at',
} as const satisfies Partial<Record<keyof Export, string>>;
export type ExportColumn = keyof typeof exportColumns;

/**
 * An export as it is read for an answer: the fields that were asked for, as the driver gives them, times as text (see
 * database/values.ts). It is what GraphQL takes them from; making objects of a class of it would cost more than all the rest
 * of a list.
 */
export type ExportRow = Pick<Export, 'id'> & {
  readonly [Column in Exclude<ExportColumn, 'id'>]?: Date extends Export[Column]
    ? Exclude<Export[Column], Date> | string
    : Export[Column];
};

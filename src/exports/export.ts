import { Directive, Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Column, Entity, getMetadataArgsStorage, Index, PrimaryColumn } from 'typeorm';

import { filesCost } from './export-cost.js';
import { ExportFile } from './export-file.js';
import { DateTime, LinkField } from './export-scalars.js';

// The keys of enums are the API's names, the values those of the database.

export enum ExportResource {
  CONTACT = 'contact',
  GROUP = 'group',
  LOCATION = 'location',
  SHIPMENT = 'shipment',
  TRACKER = 'tracker',
  SHIPPING_LABEL_INFERENCE = 'shipping_label_inference',
  /** Stands for every value that the gateway does not know. */
  OTHER = 'other',
}
export type KnownResource = Exclude<ExportResource, ExportResource.OTHER>;
export const knownResources = Object.values(ExportResource).filter(
  (resource): resource is KnownResource => resource !== ExportResource.OTHER,
);
registerEnumType(ExportResource, {
  name: 'ExportResource',
  description: 'The kind of data that an export contains.',
  valuesConfig: {
    CONTACT: { description: 'People and companies with their addresses.' },
    GROUP: { description: 'Groups of contacts.' },
    LOCATION: { description: 'Places with their coordinates.' },
    SHIPMENT: { description: 'Parcels in transit.' },
    TRACKER: { description: 'Tracking numbers and their latest events.' },
    SHIPPING_LABEL_INFERENCE: { description: 'Text recognized on photos of shipping labels.' },
    OTHER: { description: 'A resource that this version of the gateway does not know.' },
  },
});

export enum ExportStatus {
  QUEUED = 'queued',
  PROCESSING = 'processing',
  COMPLETED = 'completed',
  FAILED = 'failed',
  TIMED_OUT = 'timed_out',
}
registerEnumType(ExportStatus, {
  name: 'ExportStatus',
  description: 'The progress of an export.',
  valuesConfig: {
    QUEUED: { description: 'The export waits for a worker.' },
    PROCESSING: { description: 'A worker is processing the export.' },
    COMPLETED: { description: 'The export is done; its files are available until it expires.' },
    FAILED: { description: 'The export ended with an error; see failureReason and failureCode.' },
    TIMED_OUT: { description: 'The export ended because it took too long.' },
  },
});

/** The filtered columns. At the end of an index, they let filters run without the table rows. */
const filtered = ['resource', 'status', 'name', 'expiresAt'];
const counts = ['countBatches', 'countTotal'];

/** One row of `exports`, and the GraphQL type of its representation in the API. */
@Directive('@key(fields: "id")')
@ObjectType({
  description: 'A data export: a job that another system runs, and the files that it produces.',
  // Plain properties need no resolver; those that may fail or take time (`simple: false`) have one.
  simpleResolvers: true,
})
@Entity('exports')
@Index('exports_by_created_at', ['organizationId', 'createdAt', 'id'])
// Every order and filter, because a range of times is read from here whatever the order.
@Index('exports_filtered_by_created_at', [
  ...['organizationId', 'createdAt', 'id', ...filtered],
  ...['updatedAt', ...counts],
])
@Index('exports_filtered_by_updated_at', [
  ...['organizationId', 'updatedAt', 'id', ...filtered],
  ...['createdAt', ...counts],
])
@Index('exports_filtered_by_count_batches', ['organizationId', 'countBatches', 'id', ...filtered])
@Index('exports_filtered_by_count_total', ['organizationId', 'countTotal', 'id', ...filtered])
@Index('exports_by_requester', [
  ...['organizationId', 'requestedBy', 'createdAt', 'id'],
  ...['updatedAt', ...counts, ...filtered],
])
@Index('exports_by_resource_and_status', ['organizationId', 'resource', 'status', 'expiresAt'])
export class Export {
  @Field(() => ID, { description: 'The id of the export: 1 to 64 ASCII characters, no spaces.' })
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** Decides, with `requestedBy`, which viewers see the export. No response contains it. */
  @Column({ name: 'organization_id', type: 'varchar', length: 64 })
  organizationId!: string;

  @Field(() => String, { description: 'The name that its creator chose.' })
  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Field(() => ExportResource, { description: 'The kind of data that it contains.' })
  @Column({ type: 'varchar', length: 32 })
  resource!: ExportResource;

  @Field(() => ExportStatus, { description: 'Its progress.' })
  @Column({ type: 'varchar', length: 16 })
  status!: ExportStatus;

  @Field(() => Int, {
    description: 'The number of batches that the work is divided into; 0 while it is not known.',
  })
  @Column({ name: 'count_batches', type: 'integer', default: 0 })
  countBatches!: number;

  @Field(() => Int, {
    description: 'The number of records that it covers; 0 while it is not known.',
  })
  @Column({ name: 'count_total', type: 'integer', default: 0 })
  countTotal!: number;

  @Field(() => Int, { description: 'The number of records that are processed so far.' })
  @Column({ name: 'count_processed', type: 'integer', default: 0 })
  countProcessed!: number;

  @Field(() => Float, {
    nullable: true,
    description:
      'The share of its records that are processed, from 0 to 1; 1 when it is completed. Null while their number is not known.',
  })
  readonly progress?: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When it will be completed at its pace so far. Null unless it is processing and makes progress, and when the estimate has passed or is more than a year ahead.',
  })
  readonly estimatedCompletionAt?: Date | null;

  @Field(() => String, {
    nullable: true,
    description: 'The reason of a failure, for people. Null unless it failed or timed out.',
  })
  @Column({ name: 'failure_reason', type: 'varchar', length: 500, nullable: true })
  failureReason!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The reason of a failure, for programs: a code of the system that runs exports. Null when there is none.',
  })
  @Column({ name: 'failure_code', type: 'varchar', length: 64, nullable: true })
  failureCode!: string | null;

  // The tag allows a contract of a federated graph to exclude the field.
  @Directive('@tag(name: "personal-data")')
  @Field(() => String, {
    nullable: true,
    description: 'The user who requested it; null when not known.',
  })
  @Column({ name: 'requested_by', type: 'varchar', length: 255, nullable: true })
  requestedBy!: string | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When a worker started it; null while it waits.',
  })
  @Column({ name: 'started_at', type: 'datetime', precision: 3, nullable: true })
  startedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it ended, with or without success; null before.',
  })
  @Column({ name: 'completed_at', type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its files expire; null means never.',
  })
  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Field(() => Boolean, {
    description: 'Whether expiresAt has passed; false when it never expires.',
  })
  readonly isExpired?: boolean;

  @LinkField('the exported data as JSON', 'includeJson')
  readonly jsonUrl?: string | null;

  @LinkField('the exported data as CSV', 'includeCsv')
  readonly csvUrl?: string | null;

  @LinkField('the errors of the export as CSV', 'includeCsv')
  readonly csvErrorUrl?: string | null;

  @LinkField('the rows omitted from the CSV as malicious, made safe', 'includeCsv')
  readonly csvSanitizedUrl?: string | null;

  @Field(() => [ExportFile], {
    simple: false,
    complexity: filesCost,
    description: 'The four files that an export may produce, each with its state.',
  })
  readonly files?: ExportFile[];
}

/** Whether the column of the ids, and with it a cursor, can hold an id. */
export function isExportId(id: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(id);
}

/** The fields that are columns. Links and files come from `export_files`. */
export type ExportColumn = Exclude<
  keyof Export,
  'organizationId' | 'files' | `${string}Url` | 'progress' | 'estimatedCompletionAt' | 'isExpired'
>;

/**
 * The columns that every export has. Reads include them: whether a row is valid must not depend on
 * the selection.
 */
export const requiredColumns: readonly ExportColumn[] = [
  ...(['id', 'name', 'resource', 'status'] as const),
  ...(['countBatches', 'countTotal', 'createdAt', 'updatedAt'] as const),
];

export const exportColumns = Object.fromEntries(
  getMetadataArgsStorage()
    .filterColumns(Export)
    .map(({ propertyName, options }) => [propertyName, options.name ?? propertyName]),
) as Readonly<Record<ExportColumn, string>>;

/** Every column that a row may have: the organization is in no response. */
export const allColumns = Object.keys(exportColumns).filter(
  (field): field is ExportColumn => field !== 'organizationId',
);

/** A row as the driver returns it, times as text: entities would double the time of a list. */
export type ExportRow = Pick<Export, 'id'> & {
  readonly [Column in Exclude<ExportColumn, 'id'>]?: Date extends Export[Column]
    ? Exclude<Export[Column], Date> | string
    : Export[Column];
};

/** Whether the export may still change and produce files. */
export function isRunning({ status }: ExportRow): boolean {
  return status === ExportStatus.QUEUED || status === ExportStatus.PROCESSING;
}

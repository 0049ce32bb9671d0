import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { SignedUrl } from '../storage/url-signer.js';
import { linkCost } from './export-cost.js';
import { DateTime, Url } from './export-scalars.js';

/** The kinds of files an export may leave. The names are the API's, the values the database's. */
export enum ExportFileKind {
  JSON = 'json',
  CSV = 'csv',
  CSV_ERROR = 'csv_error',
  CSV_SANITIZED = 'csv_sanitized',
}
registerEnumType(ExportFileKind, {
  name: 'ExportFileKind',
  description: 'The kinds of files an export may leave.',
  valuesConfig: {
    JSON: { description: 'The exported data as JSON.' },
    CSV: { description: 'The exported data as CSV.' },
    CSV_ERROR: { description: 'The errors of the export, as CSV.' },
    CSV_SANITIZED: {
      description: 'The rows left out of the CSV because they looked malicious, made safe.',
    },
  },
});

/** Whether a file can be had. */
export enum ExportFileState {
  PENDING = 'pending',
  READY = 'ready',
  NOT_PRODUCED = 'not_produced',
  EXPIRED = 'expired',
}
registerEnumType(ExportFileState, {
  name: 'ExportFileState',
  description: 'Whether a file can be had.',
  valuesConfig: {
    PENDING: { description: 'The export is queued or processing: the file may still come.' },
    READY: { description: 'The file is there.' },
    NOT_PRODUCED: { description: 'The export ended without this file.' },
    EXPIRED: { description: 'The export has expired; its files are no longer available.' },
  },
});

/** One row of `export_files`: a file that an export worker left in storage. */
@Entity('export_files')
export class ExportFileRow {
  @PrimaryColumn({ name: 'export_id', type: 'varchar', length: 26 })
  exportId!: string;

  @PrimaryColumn({ type: 'varchar', length: 16 })
  kind!: ExportFileKind;

  /** Where the file lies in storage. Never part of an answer other than inside a signed link. */
  @Column({ name: 'object_key', type: 'varchar', length: 512 })
  objectKey!: string;

  @Column({ name: 'file_name', type: 'varchar', length: 255 })
  fileName!: string;

  @Column({ name: 'size_bytes', type: 'bigint' })
  sizeBytes!: number;

  @Column({ name: 'row_count', type: 'integer' })
  rowCount!: number;

  /** CHAR(64): TypeORM knows no other name for it that both databases have. */
  @Column({ type: 'nchar', length: 64 })
  sha256!: string;
}

/**
 * One of the four files of an export as the API shows it. Unlike its row it also stands for a file that does not
 * exist (yet), which is why it is a class of its own.
 */
@ObjectType({
  description: 'One of the four files an export may leave, whether it exists or not.',
  simpleResolvers: true,
})
export class ExportFile {
  @Field(() => ExportFileKind, { description: 'Which of the four.' })
  readonly kind: ExportFileKind;

  @Field(() => ExportFileState, { description: 'Whether it can be had.' })
  readonly state: ExportFileState;

  @Field(() => String, {
    description:
      'The name it is saved under; for a file that does not exist, one made of the id of its export.',
  })
  readonly fileName: string;

  @Field(() => GraphQLSafeInt, { nullable: true, description: 'Its size in bytes.' })
  readonly sizeBytes: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'How many records it holds; the header of a CSV file is not one.',
  })
  readonly rowCount: number | null;

  @Field(() => String, { nullable: true, description: 'SHA-256 of its bytes, in hexadecimal.' })
  readonly sha256: string | null;

  private signed: SignedUrl | Promise<SignedUrl> | undefined;

  /** `sign` makes the link; null where there is none to give. It is called once at most, and only when selected. */
  constructor(
    identity: { exportId: string; kind: ExportFileKind; state: ExportFileState },
    row: ExportFileRow | undefined,
    private readonly sign: (() => SignedUrl | Promise<SignedUrl>) | null,
  ) {
    this.kind = identity.kind;
    this.state = identity.state;
    this.fileName = row?.fileName ?? `${identity.exportId}${fileNameEndings[identity.kind]}`;
    this.sizeBytes = row?.sizeBytes ?? null;
    this.rowCount = row?.rowCount ?? null;
    this.sha256 = row?.sha256 ?? null;
  }

  @Field(() => Url, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description:
      'A link that downloads it. Null unless the file is READY and its flag (includeJson or includeCsv) is set.',
  })
  get url(): string | null | Promise<string> {
    return this.sign === null
      ? null
      : mapMaybePromise((this.signed ??= this.sign()), ({ url }) => url);
  }

  @Field(() => DateTime, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description: 'When that link stops working.',
  })
  get urlExpiresAt(): Date | null | Promise<Date> {
    if (this.sign === null) return null;
    return mapMaybePromise((this.signed ??= this.sign()), ({ expiresAt }) => expiresAt);
  }
}

const fileNameEndings: Record<ExportFileKind, string> = {
  [ExportFileKind.JSON]: '.json',
  [ExportFileKind.CSV]: '.csv',
  [ExportFileKind.CSV_ERROR]: '-errors.csv',
  [ExportFileKind.CSV_SANITIZED]: '-sanitized.csv',
};

/** A part of a link, at once where the link is made at once: a promise for each of 400 links would be most of their cost. */
export function mapMaybePromise<Part>(
  link: SignedUrl | Promise<SignedUrl>,
  part: (link: SignedUrl) => Part,
): Part | Promise<Part> {
  return link instanceof Promise ? link.then(part) : part(link);
}

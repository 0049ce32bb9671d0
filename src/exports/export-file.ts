import { Arg, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Column, Entity, PrimaryColumn } from 'typeorm';

import { linkCost, previewCost } from './export-cost.js';
import { ExportFilePreview, MAX_PREVIEW_ROWS } from './preview/export-preview.js';
import { DateTime, LinkField, SafeInt } from './export-scalars.js';
import { mapMaybePromise, type Link, type RequestLinks } from './request-links.js';

export enum ExportFileKind {
  JSON = 'json',
  CSV = 'csv',
  CSV_ERROR = 'csv_error',
  CSV_SANITIZED = 'csv_sanitized',
}
/** The names of the kinds in the API. */
const kindNames = Object.fromEntries(
  Object.entries(ExportFileKind).map(([name, kind]) => [kind, name]),
) as Readonly<Record<ExportFileKind, string>>;
registerEnumType(ExportFileKind, {
  name: 'ExportFileKind',
  description: 'The kinds of files that an export may produce.',
  valuesConfig: {
    JSON: { description: 'The exported data as JSON.' },
    CSV: { description: 'The exported data as CSV.' },
    CSV_ERROR: { description: 'The errors of the export, as CSV.' },
    CSV_SANITIZED: { description: 'Rows omitted from the CSV as malicious, made safe.' },
  },
});

export enum ExportFileState {
  PENDING = 'pending',
  READY = 'ready',
  NOT_PRODUCED = 'not_produced',
  EXPIRED = 'expired',
}
registerEnumType(ExportFileState, {
  name: 'ExportFileState',
  description: 'Whether a file is available.',
  valuesConfig: {
    PENDING: { description: 'The export is queued or processing and may still produce the file.' },
    READY: { description: 'The file exists and can be downloaded.' },
    NOT_PRODUCED: { description: 'The export ended without this file.' },
    EXPIRED: { description: 'The file existed, until the export expired.' },
  },
});

/** One row of `export_files`: a file that an export worker wrote to storage. */
@Entity('export_files')
export class ExportFileRow {
  @PrimaryColumn({ name: 'export_id', type: 'varchar', length: 64 })
  exportId!: string;

  @PrimaryColumn({ type: 'varchar', length: 16 })
  kind!: ExportFileKind;

  /** The path in storage. A response contains it only inside a signed link. */
  @Column({ name: 'object_key', type: 'varchar', length: 512 })
  objectKey!: string;

  @Column({ name: 'file_name', type: 'varchar', length: 255 })
  fileName!: string;

  @Column({ name: 'size_bytes', type: 'bigint' })
  sizeBytes!: number;

  @Column({ name: 'row_count', type: 'integer' })
  rowCount!: number;

  /** CHAR(64), for which TypeORM has no other type that both databases support. */
  @Column({ type: 'nchar', length: 64 })
  sha256!: string;
}

const UNKNOWN = 'Null when it is not known or there is no file.';

/** One of the four files of an export. Unlike its row, it may stand for a missing file. */
@ObjectType({
  description: 'One of the four files of an export, whether it exists or not.',
  simpleResolvers: true,
})
export class ExportFile {
  @Field(() => ID, { description: 'The id of the export and the kind: `exp_x:CSV`.' })
  get id(): string {
    return `${this.exportId}:${kindNames[this.kind]}`;
  }

  @Field(() => ExportFileKind, { description: 'The kind of the file.' })
  readonly kind: ExportFileKind;

  @Field(() => ExportFileState, { description: 'Whether the file is available.' })
  readonly state: ExportFileState;

  @Field(() => String, { description: 'The name for a download, also when there is no file.' })
  readonly fileName: string;

  @Field(() => SafeInt, { nullable: true, description: `The size in bytes. ${UNKNOWN}` })
  readonly sizeBytes: number | null;

  @Field(() => Int, {
    nullable: true,
    description: `The number of records; a header is none. ${UNKNOWN}`,
  })
  readonly rowCount: number | null;

  @Field(() => String, {
    nullable: true,
    description: `The SHA-256 of the bytes in hexadecimal. ${UNKNOWN}`,
  })
  readonly sha256: string | null;

  private readonly exportId: string;
  private readonly hasLink: boolean;
  #link: Link | undefined;

  /** `access` is null for a file that is not ready. It signs at most once, when a field needs it. */
  constructor(
    identity: { exportId: string; kind: ExportFileKind; state: ExportFileState; hasLink: boolean },
    private readonly row: ExportFileRow | undefined,
    private readonly access: { links: RequestLinks; exportExpiresAt: Date | null } | null,
  ) {
    this.hasLink = identity.hasLink;
    this.exportId = identity.exportId;
    this.kind = identity.kind;
    this.state = identity.state;
    this.fileName = row?.fileName ?? `${identity.exportId}${fileNameEndings[identity.kind]}`;
    this.sizeBytes = countOrNull(row?.sizeBytes, Number.MAX_SAFE_INTEGER);
    this.rowCount = countOrNull(row?.rowCount, 2_147_483_647);
    this.sha256 = row?.sha256 ?? null;
  }

  @LinkField('the file', 'its flag (includeJson or includeCsv)')
  get url(): string | null | Promise<string> {
    const { row, access } = this;
    return row && access ? access.links.disclose(row, this.link) : null;
  }

  @Field(() => DateTime, {
    nullable: true,
    simple: false,
    complexity: linkCost,
    description: 'When the link expires. Null when `url` is.',
  })
  get urlExpiresAt(): Date | null | Promise<Date> {
    return mapMaybePromise(this.link, ({ expiresAt }) => expiresAt);
  }

  @Field(() => ExportFilePreview, {
    nullable: true,
    simple: false,
    complexity: previewCost,
    description:
      'The first rows of the file. Null unless it is ready, and for a file that cannot be shown as a table. Needs no flag.',
  })
  preview(
    @Arg('rows', () => Int, {
      defaultValue: 10,
      description: `How many rows, 1 to ${MAX_PREVIEW_ROWS}.`,
    })
    rows: number,
  ): Promise<ExportFilePreview | null> | null {
    return this.row && this.access ? this.access.links.preview(this.row, rows) : null;
  }

  private get link(): Link {
    const { row, access, hasLink } = this;
    return (this.#link ??=
      row && access && hasLink ? access.links.sign(row, access.exportExpiresAt) : null);
  }
}

export const fileNameEndings: Record<ExportFileKind, string> = {
  [ExportFileKind.JSON]: '.json',
  [ExportFileKind.CSV]: '.csv',
  [ExportFileKind.CSV_ERROR]: '-errors.csv',
  [ExportFileKind.CSV_SANITIZED]: '-sanitized.csv',
};

/** Null for a stored number that its field cannot hold, which would fail the whole export. */
function countOrNull(stored: unknown, max: number): number | null {
  const number = Number(stored ?? NaN);
  return Number.isInteger(number) && Math.abs(number) <= max ? number : null;
}

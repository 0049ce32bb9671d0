import { Field, ObjectType } from 'type-graphql';

import { BadUserInputError } from '../../errors.js';

export const MAX_PREVIEW_ROWS = 50;

/** Throws BadUserInputError. */
export function checkPreviewRows(rows: number): void {
  if (rows < 1 || rows > MAX_PREVIEW_ROWS) {
    throw new BadUserInputError('rows', `must be between 1 and ${MAX_PREVIEW_ROWS}, not ${rows}.`);
  }
}

/** What a file contains, as far as previews show it. */
export interface PreviewTable {
  /** In order of appearance, so that fewer rows have the first ones of them. */
  readonly columns: readonly string[];
  /** How many columns there are without any row: those of the header. */
  readonly headerWidth: number;
  /** At most MAX_PREVIEW_ROWS. Each ends with its last value. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Whether the file has more rows or columns. */
  readonly hasMore: boolean;
}

/** The first rows of a file. */
@ObjectType({
  description: 'The first rows of a file as a table, in which each row has a cell per column.',
  simpleResolvers: true,
})
export class ExportFilePreview {
  @Field(() => [String], {
    description:
      'The names of the columns: the header of a CSV file, or the keys of the JSON objects in `rows`, in order of appearance.',
  })
  readonly columns: readonly string[];

  // graphql/schema.ts makes the rows non-null.
  @Field(() => [[String]], {
    nullable: 'items',
    description:
      'The cells as text, null where a row has no value. Those over 1,000 characters end in `…`.',
  })
  readonly rows: readonly (readonly (string | null)[])[];

  @Field(() => Boolean, { description: 'Whether the file has more rows or columns than these.' })
  readonly isTruncated: boolean;

  constructor(table: PreviewTable, maxRows: number) {
    const rows = table.rows.slice(0, maxRows);
    const width = Math.max(table.headerWidth, ...rows.map(({ length }) => length));
    this.columns = table.columns.slice(0, width);
    this.rows = rows.map((row) => this.columns.map((_, index) => row[index] ?? null));
    this.isTruncated = table.hasMore || rows.length < table.rows.length;
  }
}

import { MAX_PREVIEW_ROWS, type PreviewTable } from './export-preview.js';

/** More would make a response of 50 rows larger than what was read. */
const MAX_COLUMNS = 1_000;
const MAX_CELL_LENGTH = 1_000;

/** Collects the rows of a file within the bounds of previews. */
export class PreviewTableBuilder {
  readonly #columns: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #rows: (string | null)[][] = [];
  #headerWidth = 0;
  #hasMore = false;

  /** Whether it takes no more rows. */
  get isFull(): boolean {
    return this.#rows.length === MAX_PREVIEW_ROWS && this.#hasMore;
  }

  get hasRows(): boolean {
    return this.#rows.length > 0;
  }

  addHeader(names: readonly string[]): void {
    this.#columns.push(...this.#within(names).map(shorten));
    this.#headerWidth = this.#columns.length;
  }

  /** Adds a row of cells in the order of the columns; those beyond the header have no name. */
  addCells(cells: readonly string[]): void {
    if (!this.#mayAdd()) return;
    this.#rows.push(this.#within(cells).map(shorten));
    while (this.#columns.length < Math.min(cells.length, MAX_COLUMNS)) this.#columns.push('');
  }

  /** Adds a row of named values. */
  addValues(values: ReadonlyMap<string, string | null>): void {
    if (!this.#mayAdd()) return;
    const row: (string | null)[] = [];
    for (const [name, value] of values) {
      const index = this.#indexOf(name);
      if (index === undefined) this.#hasMore = true;
      else row[index] = value === null ? null : shorten(value);
    }
    this.#rows.push(row);
  }

  /** `hasMore`: the file has rows that were not added. */
  build(hasMore: boolean): PreviewTable {
    const table = {
      ...{ columns: this.#columns, headerWidth: this.#headerWidth, rows: this.#rows },
      hasMore: this.#hasMore || hasMore,
    };
    // A copy, because short strings would keep the long ones in memory from which they are cut.
    return JSON.parse(JSON.stringify(table)) as PreviewTable;
  }

  #mayAdd(): boolean {
    if (this.#rows.length < MAX_PREVIEW_ROWS) return true;
    this.#hasMore = true;
    return false;
  }

  #within(cells: readonly string[]): readonly string[] {
    if (cells.length <= MAX_COLUMNS) return cells;
    this.#hasMore = true;
    return cells.slice(0, MAX_COLUMNS);
  }

  #indexOf(name: string): number | undefined {
    const known = this.#indexes.get(name);
    if (known !== undefined || this.#columns.length === MAX_COLUMNS) return known;
    this.#indexes.set(name, this.#columns.length);
    return this.#columns.push(shorten(name)) - 1;
  }
}

function shorten(cell: string): string {
  if (cell.length <= MAX_CELL_LENGTH) return cell;
  // A half of a surrogate pair is not a character.
  return `${cell.slice(0, MAX_CELL_LENGTH).replace(/[\ud800-\udbff]$/, '')}…`;
}

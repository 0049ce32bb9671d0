import { createPool, type Pool, type RowDataPacket } from 'mysql2/promise';

/** An export with the fields that the documents of the bench select. */
export interface PlainExport {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The variables of a list. */
export interface ListVariables {
  readonly filter?: {
    readonly resource?: string;
    readonly statuses?: readonly string[];
    readonly search?: string;
    readonly createdAt?: { readonly gte: string; readonly lt: string };
  };
  readonly page: number;
  readonly limit: number;
}

export interface PlainFile {
  readonly export_id: string;
  readonly kind: string;
  readonly object_key: string;
  readonly file_name: string;
}

const COLUMNS =
  'id, name, resource, status, count_batches AS countBatches, count_total AS countTotal, created_at AS createdAt, ' +
  'updated_at AS updatedAt, started_at AS startedAt, completed_at AS completedAt';

/** Straightforward hand-written SQL; the database chooses its plans. */
export class PlainSql {
  private readonly pool: Pool;

  constructor(
    url: string,
    private readonly organization: string,
  ) {
    this.pool = createPool({
      uri: url,
      // As many as the gateway has.
      connectionLimit: 10,
      charset: 'utf8mb4_bin',
      timezone: 'Z',
      // Responses contain dates as text, which is faster to convert from text than from a Date.
      dateStrings: true,
    });
  }

  async byIds(ids: readonly string[]): Promise<PlainExport[]> {
    const condition = ids.length === 1 ? 'id = ?' : 'id IN (?)';
    return this.exports(`organization_id = ? AND ${condition}`, [this.organization, ids]);
  }

  /** One page, and one more export when there are more pages. */
  async page({ filter, page, limit }: ListVariables): Promise<PlainExport[]> {
    const { sql, values } = this.matching(filter);
    return this.exports(`${sql} ORDER BY created_at, id LIMIT ? OFFSET ?`, [
      ...values,
      limit + 1,
      (page - 1) * limit,
    ]);
  }

  async count(filter: ListVariables['filter']): Promise<number> {
    const { sql, values } = this.matching(filter);
    const [row] = await this.query(`SELECT COUNT(*) AS total FROM exports WHERE ${sql}`, values);
    return Number(row?.['total']);
  }

  /** The last exports of the list, in its order, and one more in front when there are more. */
  async last(limit: number): Promise<PlainExport[]> {
    const { sql, values } = this.matching();
    const order = 'ORDER BY created_at DESC, id DESC LIMIT ?';
    return (await this.exports(`${sql} ${order}`, [...values, limit + 1])).reverse();
  }

  /** The number of exports for each value of a column, in upper case. */
  async countBy(
    column: 'status' | 'resource',
    filter: ListVariables['filter'],
  ): Promise<Map<string, number>> {
    const { sql, values } = this.matching(filter);
    const counts = `SELECT ${column} AS value, COUNT(*) AS total FROM exports WHERE ${sql} GROUP BY ${column}`;
    const rows = await this.query(counts, values);
    return new Map(rows.map((row) => [String(row['value']).toUpperCase(), Number(row['total'])]));
  }

  async files(exportIds: readonly string[]): Promise<PlainFile[]> {
    const rows = await this.query(
      'SELECT export_id, kind, object_key, file_name FROM export_files WHERE export_id IN (?)',
      [exportIds],
    );
    return rows as (RowDataPacket & PlainFile)[];
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  private matching(filter: ListVariables['filter'] = {}): { sql: string; values: unknown[] } {
    const conditions: [sql: string, value: unknown][] = [
      ['organization_id = ?', this.organization],
    ];
    const { resource, statuses, search, createdAt } = filter;
    if (createdAt !== undefined) {
      conditions.push(['created_at >= ?', sqlTime(createdAt.gte)]);
      conditions.push(['created_at < ?', sqlTime(createdAt.lt)]);
    }
    if (resource !== undefined) conditions.push(['resource = ?', resource.toLowerCase()]);
    if (statuses !== undefined)
      conditions.push(['status IN (?)', statuses.map((status) => status.toLowerCase())]);
    if (search !== undefined)
      conditions.push(['LOWER(name) LIKE LOWER(?)', `%${search.replace(/[\\%_]/g, '\\$&')}%`]);
    return {
      sql: conditions.map(([sql]) => sql).join(' AND '),
      values: conditions.map(([, value]) => value),
    };
  }

  private async exports(condition: string, values: unknown[]): Promise<PlainExport[]> {
    const rows = await this.query(`SELECT ${COLUMNS} FROM exports WHERE ${condition}`, values);
    for (const row of rows) {
      row['resource'] = String(row['resource']).toUpperCase();
      row['status'] = String(row['status']).toUpperCase();
      for (const field of ['createdAt', 'updatedAt', 'startedAt', 'completedAt']) {
        const time = row[field] as string | null;
        if (time !== null) row[field] = `${time.slice(0, 10)}T${time.slice(11)}Z`;
      }
    }
    return rows as (RowDataPacket & PlainExport)[];
  }

  /** Uses the text protocol: as fast here as a prepared statement, it keeps the `.000` of a date. */
  private async query(sql: string, values: unknown[]): Promise<RowDataPacket[]> {
    const [rows] = await this.pool.query<RowDataPacket[]>(sql, values);
    return rows;
  }
}

const sqlTime = (iso: string) => iso.replace('T', ' ').replace('Z', '');

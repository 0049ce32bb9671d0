import type { Database } from '../database/database.js';
import { TableSql, type Conditions } from '../database/table-sql.js';
import { parseSqlDateTime, toSqlDateTime } from '../database/sql-datetime.js';
import { ApiKey } from './api-key.js';

const columns = {
  id: 'id',
  organizationId: 'organization_id',
  name: 'name',
  keyHash: 'key_hash',
  createdAt: 'created_at',
  expiresAt: 'expires_at',
  revokedAt: 'revoked_at',
  canReadFiles: 'can_read_files',
};

export class ApiKeyRepository {
  readonly #keys: TableSql;
  readonly #select: string;
  /** False where a column is missing that restricts a key: without `revoked_at` none is revoked. */
  readonly #isOwn: boolean;

  constructor(private readonly database: Database) {
    this.#keys = new TableSql('api_keys', database);
    this.#isOwn = ['organization_id', 'key_hash', 'expires_at', 'revoked_at'].every((column) =>
      this.#keys.has(column),
    );
    this.#select = `SELECT ${this.#keys.selectAll(columns)} FROM api_keys`;
  }

  /** The key with this hash. No organization restricts it: the key determines the organization. */
  async findByHash(keyHash: string): Promise<ApiKey | null> {
    // Tokens may be the only credentials; another system may have a table of this name.
    if (!this.#isOwn) return null;
    const [row] = await this.#find('key_hash', keyHash);
    return row === undefined ? null : toApiKey(row);
  }

  /** Whether any key is valid at `now`. */
  async hasUsable(now: Date): Promise<boolean> {
    const rows = await this.database.query(
      'SELECT id FROM api_keys ' +
        'WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1',
      [toSqlDateTime(now)],
    );
    return rows.length > 0;
  }

  /** The keys of one organization, or of all, in order of creation. */
  async list(organization: string | null): Promise<ApiKey[]> {
    const order = 'ORDER BY created_at, id';
    const rows =
      organization === null
        ? await this.database.query<ApiKeyRow>(`${this.#select} ${order}`)
        : await this.#find('organization_id', organization, order);
    return rows.map(toApiKey);
  }

  #find(column: string, value: string, order = ''): Promise<ApiKeyRow[]> {
    const { sql, parameters } = this.#keyEqual(column, value);
    return this.database.query<ApiKeyRow>(
      `${this.#select} WHERE ${sql} ${order}`.trimEnd(),
      parameters,
    );
  }

  #keyEqual(column: string, value: string) {
    const conditions: Conditions = { sql: [], parameters: [] };
    this.#keys.addEqual(conditions, column, [value]);
    return { sql: conditions.sql.join(' AND '), parameters: conditions.parameters };
  }

  async insert(key: Omit<ApiKey, 'revokedAt'>): Promise<void> {
    const columns = 'id, organization_id, name, key_hash, created_at, expires_at, can_read_files';
    await this.database.query(`INSERT INTO api_keys (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
      key.id,
      key.organizationId,
      key.name,
      key.keyHash,
      toSqlDateTime(key.createdAt),
      key.expiresAt && toSqlDateTime(key.expiresAt),
      Number(key.canReadFiles),
    ]);
  }

  /** Revokes a key from `now` on; a revoked key keeps its time. Returns false for an unknown id. */
  async revoke(id: string, now: Date): Promise<boolean> {
    const { sql, parameters } = this.#keyEqual('id', id);
    const rows = await this.database.query(`SELECT id FROM api_keys WHERE ${sql}`, parameters);
    if (rows.length === 0) return false;
    await this.database.query(
      `UPDATE api_keys SET revoked_at = ? WHERE ${sql} AND revoked_at IS NULL`,
      [toSqlDateTime(now), ...parameters],
    );
    return true;
  }
}

/** As the database returns it: dates as text, and 0 or 1 for a boolean. */
type ApiKeyRow = Pick<ApiKey, 'id' | 'organizationId' | 'name' | 'keyHash'> & {
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly canReadFiles: number;
};

function toApiKey(row: ApiKeyRow): ApiKey {
  const { createdAt, expiresAt, revokedAt, canReadFiles, ...columns } = row;
  return Object.assign(new ApiKey(), columns, {
    canReadFiles: canReadFiles === 1,
    createdAt: parseSqlDateTime(createdAt),
    expiresAt: expiresAt === null ? null : parseSqlDateTime(expiresAt),
    revokedAt: revokedAt === null ? null : parseSqlDateTime(revokedAt),
  });
}

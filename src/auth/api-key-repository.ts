import type { Database } from '../database/database.js';
import { parseSqlDateTime, toSqlDateTime } from '../database/sql-datetime.js';
import { ApiKey } from './api-key.js';

/** The API keys as the database has them. */
export class ApiKeyRepository {
  constructor(private readonly database: Database) {}

  /** The key with this hash. It is not yet known whose it is, so no organization can be named here. */
  async findByHash(keyHash: string): Promise<ApiKey | null> {
    const rows = await this.database.query<ApiKeyRow>(
      `SELECT ${COLUMNS} FROM api_keys WHERE key_hash = ?`,
      [keyHash],
    );
    return rows[0] === undefined ? null : apiKeyOf(rows[0]);
  }

  /** Whether there is a key that somebody could use at `now`. */
  async hasUsable(now: Date): Promise<boolean> {
    const rows = await this.database.query(
      'SELECT id FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1',
      [toSqlDateTime(now)],
    );
    return rows.length > 0;
  }

  /** The keys of an organization, or of all, the oldest first. */
  async list(organization: string | null): Promise<ApiKey[]> {
    const where = organization === null ? '' : 'WHERE organization_id = ?';
    const rows = await this.database.query<ApiKeyRow>(
      `SELECT ${COLUMNS} FROM api_keys ${where} ORDER BY created_at, id`,
      organization === null ? [] : [organization],
    );
    return rows.map(apiKeyOf);
  }

  async add(key: ApiKey): Promise<void> {
    await this.database.query(`INSERT INTO api_keys (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
      key.id,
      key.organizationId,
      key.name,
      key.keyHash,
      toSqlDateTime(key.createdAt),
      key.expiresAt && toSqlDateTime(key.expiresAt),
      key.revokedAt && toSqlDateTime(key.revokedAt),
    ]);
  }

  /** Marks a key as revoked from `now` on; one that is revoked already stays as it is. */
  async revoke(id: string, now: Date): Promise<void> {
    await this.database.query(
      'UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL',
      [toSqlDateTime(now), id],
    );
  }

  async has(id: string): Promise<boolean> {
    const rows = await this.database.query('SELECT id FROM api_keys WHERE id = ?', [id]);
    return rows.length > 0;
  }
}

const COLUMNS = 'id, organization_id, name, key_hash, created_at, expires_at, revoked_at';

interface ApiKeyRow {
  id: string;
  organization_id: string;
  name: string;
  key_hash: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

function apiKeyOf(row: ApiKeyRow): ApiKey {
  return Object.assign(new ApiKey(), {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    keyHash: row.key_hash,
    createdAt: parseSqlDateTime(row.created_at),
    expiresAt: row.expires_at === null ? null : parseSqlDateTime(row.expires_at),
    revokedAt: row.revoked_at === null ? null : parseSqlDateTime(row.revoked_at),
  });
}

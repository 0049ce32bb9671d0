import { createHash, randomBytes } from 'node:crypto';

import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One row of `api_keys`. The key itself is stored nowhere: only its hash is. */
@Entity('api_keys')
@Index('api_keys_by_hash', ['keyHash'], { unique: true })
export class ApiKey {
  @PrimaryColumn({ type: 'varchar', length: 26 })
  id!: string;

  @Column({ name: 'organization_id', type: 'varchar', length: 64 })
  organizationId!: string;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  /** SHA-256 of the key, in hexadecimal. */
  @Column({ name: 'key_hash', type: 'nchar', length: 64 })
  keyHash!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Column({ name: 'revoked_at', type: 'datetime', precision: 3, nullable: true })
  revokedAt!: Date | null;

  /** Whether requests with the key get links to files. */
  @Column({ name: 'can_read_files', type: 'boolean', default: true })
  canReadFiles!: boolean;
}

/** A new key: 256 random bits behind a prefix that secret scanners can recognize. */
export function generateApiKey(): string {
  return `egk_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 in hexadecimal. Random keys need neither salt nor stretching, unlike passwords. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateApiKeys1790100000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const isMysql = queryRunner.dataSource.options.type === 'mariadb';
    const ascii = isMysql ? 'CHARACTER SET ascii COLLATE ascii_bin' : '';
    await queryRunner.query(`
      CREATE TABLE api_keys (
        id VARCHAR(26) ${ascii} NOT NULL,
        organization_id VARCHAR(64) ${ascii} NOT NULL,
        name VARCHAR(255) NOT NULL,
        key_hash ${isMysql ? 'CHAR' : 'NCHAR'}(64) ${ascii} NOT NULL,
        created_at DATETIME(3) NOT NULL,
        expires_at DATETIME(3) NULL,
        revoked_at DATETIME(3) NULL,
        PRIMARY KEY (id)
      ) ${isMysql ? 'ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : ''}`);
    await queryRunner.query('CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE api_keys');
  }
}

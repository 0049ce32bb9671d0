import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';

import { ExportLoaders } from '../../src/exports/export-loaders.js';
import { ExportRepository } from '../../src/exports/export-repository.js';

/** A database in which every organization but `org_broken` has every id. It keeps what it was asked. */
function watchedLoaders() {
  const asked: { sql: string; parameters: readonly unknown[] }[] = [];
  const loaders = new ExportLoaders(
    new ExportRepository({
      indexHint: () => '',
      poolStats: () => [],
      close: () => Promise.resolve(),
      async query<Row>(sql: string, parameters: readonly unknown[] = []) {
        asked.push({ sql, parameters });
        const [organization, ...ids] = parameters;
        if (organization === 'org_broken') throw new Error('broken');
        return ids
          .filter((id) => id !== 'nobody')
          .map((id) => ({ id, name: `${String(organization)} ${String(id)}` })) as Row[];
      },
    }),
  );
  return { asked, loaders };
}

describe('look-ups by id that wait for the same turn', () => {
  it('share one statement, whoever asked, with each id and each column once', async () => {
    const { asked, loaders } = watchedLoaders();
    const found = await Promise.all([
      loaders.export('org_a', '1', ['id', 'name']),
      loaders.export('org_a', '2', ['id', 'status']),
      loaders.export('org_a', '1', ['id', 'name']),
      loaders.export('org_a', 'nobody', ['id']),
    ]);
    expect(found.map((row) => row?.name)).toEqual(['org_a 1', 'org_a 2', 'org_a 1', undefined]);
    expect(found[3]).toBeNull();
    expect(asked).toEqual([
      {
        sql: 'SELECT e.id AS id, e.name AS name, e.status AS status FROM exports e WHERE e.organization_id = ? AND e.id IN (?, ?, ?)',
        parameters: ['org_a', '1', '2', 'nobody'],
      },
    ]);
  });

  it('of two organizations never share one', async () => {
    const { asked, loaders } = watchedLoaders();
    const [ours, theirs] = await Promise.all([
      loaders.export('org_a', '1', ['id', 'name']),
      loaders.export('org_b', '1', ['id', 'name']),
    ]);
    expect([ours?.name, theirs?.name]).toEqual(['org_a 1', 'org_b 1']);
    expect(asked.map(({ parameters }) => parameters)).toEqual([
      ['org_a', '1'],
      ['org_b', '1'],
    ]);
  });

  it('fail with their own statement alone', async () => {
    const { loaders } = watchedLoaders();
    const sound = loaders.export('org_a', '1', ['id', 'name']);
    const broken = loaders.export('org_broken', '1', ['id', 'name']);
    await expect(broken).rejects.toThrow('broken');
    expect((await sound)?.name).toBe('org_a 1');
  });

  it('are asked anew in the next turn', async () => {
    const { asked, loaders } = watchedLoaders();
    await loaders.export('org_a', '1', ['id']);
    await loaders.export('org_a', '1', ['id']);
    expect(asked).toHaveLength(2);
  });
});

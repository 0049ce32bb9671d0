import { expect, it } from '@jest/globals';

import { describeWith } from '../support/describe-with.js';
import { createTestDatabase } from '../support/test-database.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const built = useBuiltGateway();

async function migrate(env: Record<string, string>) {
  const program = built.command('migrate', built.folder, { env });
  const status = await program.ended;
  const errors = program.log.filter(({ level }) => level >= 50).map(({ msg }) => msg);
  const output = program.log.filter(({ level }) => level === 0).map(({ msg }) => msg);
  return { status, errors, output, stderr: program.stderr() };
}

it('npm run migrate uses no embedded database in production, and logs that as an error', async () => {
  expect(await migrate({ NODE_ENV: 'production' })).toEqual({
    status: 1,
    errors: ['The migration failed'],
    output: [],
    stderr: expect.stringMatching(/^DATABASE_URL is not set, and NODE_ENV is production\..*\n$/),
  });
  expect(await migrate({})).toMatchObject({
    status: 0,
    output: ['The tables of data/exports.sqlite are up to date.'],
  });
});

describeWith('mysql', 'npm run migrate', () => {
  it('exits with status 1 and an error in the log, without a stack, when it cannot migrate', async () => {
    const database = await createTestDatabase();
    await database.query('CREATE TABLE exports (id BIGINT PRIMARY KEY, exporter VARCHAR(255))');
    const failed = await migrate({ DATABASE_URL: database.url });
    expect(failed).toMatchObject({ status: 1, errors: ['The migration failed'] });
    expect(failed.stderr).toMatch(/^The table exports belongs to another system: .*\n$/);
    await database.query('DROP TABLE exports');
    expect(await migrate({ DATABASE_URL: database.url })).toMatchObject({ status: 0, errors: [] });
    await database.drop();
  });
});

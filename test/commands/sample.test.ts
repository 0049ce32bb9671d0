import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { useBuiltGateway } from '../support/use-built-gateway.js';

const built = useBuiltGateway();

/** Runs the command in an empty folder, with no other settings than `env`. */
async function sample(args: string, env: Record<string, string> = {}) {
  const program = built.command('sample', built.folder, { args: args.split(' '), env });
  const status = await program.ended;
  const output = program.log.map(({ msg }) => msg).join('\n');
  return { output, errors: program.stderr(), status };
}

describe('npm run sample', () => {
  it('fills the embedded database, and with --if-empty leaves it as it is', async () => {
    const { output, ...rest } = await sample('--exports 40 --if-empty');
    expect(rest).toEqual({ errors: '', status: 0 });
    expect(output).toMatch(
      /^Added 40 sample exports to data\/exports\.sqlite and \d+ files \([\d.]+ MB\) to \/\S+\/data\/files in [\d.]+ s, \d+ exports a second\.$/,
    );
    expect(await readdir(join(built.folder, 'data/files/exports'))).not.toEqual([]);
    const kept = 'There are exports in data/exports.sqlite: added no samples.';
    expect(await sample('--if-empty')).toEqual({ output: kept, errors: '', status: 0 });
  });

  it('reads .env, but only the settings that samples need', async () => {
    await writeFile(
      join(built.folder, '.env'),
      'FILES_URL=file:elsewhere\nHOST=0.0.0.0\nAUTH=none\n',
    );
    expect(await sample('--exports 1')).toMatchObject({ errors: '', status: 0 });
    expect(await sample('--exports 1')).toMatchObject({ errors: '', status: 0 });
    expect(await readdir(join(built.folder, 'elsewhere/exports'))).toHaveLength(2);
  });

  it.each([
    ['--exports 0', '--exports must be a whole number from 1 to 10000000, not 0.', {}],
    ['--exports 10000001', 'a whole number from 1 to 10000000, not 10000001.', {}],
    ['--exports 1e3', '--exports must be a whole number from 1 to 10000000, not 1e3.', {}],
    ['--export 5', 'Write: npm run sample -- --exports 250', {}],
    ['--if-empty', 'DATABASE_URL has the scheme postgres', { DATABASE_URL: 'postgres://h/d' }],
  ])('rejects %j without a stack', async (args, message, env) => {
    const { output, errors, status } = await sample(args, env);
    expect({ output, status }).toEqual({ output: '', status: 1 });
    expect(errors).toContain(message);
    expect(errors).not.toContain('    at ');
  });
});

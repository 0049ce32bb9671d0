import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run, unavailable, updatedApt } from './apt.js';
import { UnavailableError } from './requirements.js';

/** Private to the checkout; `npm ci` removes it. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/debian', import.meta.url));

/**
 * Downloads a Debian package with its dependencies, and unpacks them into a folder of node_modules/.cache without
 * installing them, which needs no root. From another suite than the machine's, it takes all dependencies; else only
 * those that are not installed. Returns the folder. Throws UnavailableError where that is not possible.
 */
export async function unpackPackage(packageName: string, suite?: string): Promise<string> {
  const folder = join(cache, packageName);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  try {
    const machineApt = await updatedApt(work);
    process.stderr.write(`Downloading ${packageName} with apt-get, which the tests need.\n`);
    const aptGet = suite === undefined ? machineApt : await suiteApt(machineApt, work, suite);
    const plan = await aptGet('--simulate', '--no-install-recommends', 'install', packageName);
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
    if (packages.length > 0) await aptGet('download', ...packages);

    const root = join(work, 'root');
    await mkdir(join(root, 'usr/lib'), { recursive: true });
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, file), root], { timeout: 60_000 });
    }
    // A concurrent test run may have been faster.
    await rename(root, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } catch (error) {
    throw unavailable(packageName, error);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** apt-get for another Debian suite, from the mirror of the machine's package sources, as if nothing was installed. */
async function suiteApt(
  machineApt: (...args: string[]) => Promise<string>,
  folder: string,
  suite: string,
): ReturnType<typeof updatedApt> {
  const filter = ['Created-By: Packages', 'Label: Debian'];
  const mirrors = await machineApt('indextargets', '--format', '$(REPO_URI)', ...filter);
  const mirror = mirrors.split('\n', 1)[0];
  if (!mirror) throw new UnavailableError('the package sources name no Debian mirror');
  const sources = join(folder, 'sources.list');
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await writeFile(sources, `deb [signed-by=${keys}] ${mirror} ${suite} main\n`);
  return updatedApt(folder, {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::status': '/dev/null',
  });
}

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findProgram, run, thisMachine, unavailable } from './apt.js';
import { UnavailableError } from './requirements.js';

/** Private to the checkout; `npm ci` removes it. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/debian', import.meta.url));

/**
 * Downloads a Debian package with its dependencies, and unpacks them into a folder of node_modules/.cache without
 * installing them, which needs no root. From another Debian suite than the machine's, it takes all dependencies; else
 * only those that are not installed. Returns the folder. Throws UnavailableError where that is not possible.
 */
export async function unpackPackage(packageName: string, suite?: string): Promise<string> {
  const folder = join(cache, packageName);
  if (existsSync(folder)) return folder;
  const [aptGet, dpkg] = ['apt-get', 'dpkg'].map((name) =>
    findProgram([name], thisMachine.folders),
  );
  if (aptGet === undefined || dpkg === undefined) {
    throw new UnavailableError('apt-get and dpkg are not on this machine');
  }
  process.stderr.write(`Downloading ${packageName} from Debian, which the tests need.\n`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  try {
    await downloadInto(work, { aptGet, packageName, suite });
    const root = join(work, 'root');
    // Where everything is installed, nothing is downloaded.
    await mkdir(join(root, 'usr/lib'), { recursive: true });
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await run(dpkg, ['-x', join(work, file), root], { timeout: 60_000 });
    }
    // A concurrent test run may have been faster.
    await rename(root, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } catch (error) {
    throw unavailable(error);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function downloadInto(
  work: string,
  {
    aptGet,
    packageName,
    suite,
  }: { aptGet: string; packageName: string; suite: string | undefined },
): Promise<void> {
  // Package lists of its own, because only root may update those of the machine.
  await mkdir(join(work, 'state/lists/partial'), { recursive: true });
  await mkdir(join(work, 'cache/archives/partial'), { recursive: true });
  let options = [
    ...['-o', `Dir::State=${join(work, 'state')}`, '-o', `Dir::Cache=${join(work, 'cache')}`],
    ...['-o', 'Dir::State::status=/var/lib/dpkg/status', '-o', 'APT::Sandbox::User=root'],
  ];
  const apt = (...args: string[]) =>
    run(aptGet, [...options, ...args], { timeout: 300_000, cwd: work, env: { LC_ALL: 'C' } });

  await apt('update');
  if (suite !== undefined) {
    const [mirror = ''] = (
      await apt('indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Label: Debian')
    ).split('\n');
    if (mirror === '') throw new UnavailableError('no Debian mirror is among the package sources');
    const sources = join(work, 'sources.list');
    const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
    await writeFile(sources, `deb [signed-by=${keys}] ${mirror} ${suite} main\n`);
    options = [
      ...options,
      ...['-o', `Dir::Etc::sourcelist=${sources}`, '-o', 'Dir::Etc::sourceparts=-'],
      ...['-o', 'Dir::State::status=/dev/null'],
    ];
    await apt('update');
  }
  const plan = await apt('--simulate', '--no-install-recommends', 'install', packageName);
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
  if (packages.length > 0) await apt('download', ...packages);
}

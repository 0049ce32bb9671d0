import {
  findOrInstall,
  findProgram,
  isExecutable,
  programNamedBy,
  run,
  thisMachine,
} from './apt.js';
import type { Machine } from './apt.js';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macApplications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The path of a Chromium for playwright-core, which includes none: the one of TEST_CHROMIUM, an installed one, or
 * one that root installs with apt-get. Throws UnavailableError when there is none.
 */
export async function provideChromium(machine: Machine = thisMachine): Promise<string> {
  return (
    programNamedBy('TEST_CHROMIUM', machine) ??
    findOrInstall(['chromium'], () => findChromium(machine), machine)
  );
}

async function findChromium({ folders }: Machine): Promise<string | undefined> {
  const found = [
    ...names.map((name) => findProgram([name], folders)),
    ...(folders === thisMachine.folders ? macApplications.filter(isExecutable) : []),
  ];
  for (const path of found) {
    if (path !== undefined && (await hasVersion(path))) return path;
  }
  return undefined;
}

/** Ubuntu's chromium-browser is a script that only asks for a snap, so existence is not enough. */
function hasVersion(path: string): Promise<boolean> {
  return run(path, ['--version'], { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

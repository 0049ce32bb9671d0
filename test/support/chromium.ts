import { findApt, findProgram, isExecutable, run, thisMachine } from './apt.js';
import type { Surroundings } from './apt.js';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macApplications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The path of a Chromium for playwright-core, which brings none: the one TEST_CHROMIUM names, one that
 * is on this machine, or one installed with apt-get as root. Throws one sentence when there is none.
 */
export async function provideChromium(surroundings: Surroundings = thisMachine): Promise<string> {
  const given = surroundings.env['TEST_CHROMIUM'];
  if (given !== undefined && given !== '') {
    if (!isExecutable(given)) throw new Error(`TEST_CHROMIUM names no executable file: ${given}`);
    return given;
  }
  const present = await findChromium(surroundings);
  if (present !== undefined) return present;

  const install = findApt(surroundings.folders);
  if (install !== undefined) {
    await install('chromium');
    const installed = await findChromium(surroundings);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'The tests need a browser: set TEST_CHROMIUM to the path of a Chromium or Chrome, install one, or run as root on a Debian-like system with apt-get.',
  );
}

async function findChromium({ folders }: Surroundings): Promise<string | undefined> {
  const found = [
    ...names.map((name) => findProgram([name], folders)),
    ...(folders === thisMachine.folders ? macApplications.filter(isExecutable) : []),
  ];
  for (const path of found) {
    if (path !== undefined && (await tellsVersion(path))) return path;
  }
  return undefined;
}

/** Ubuntu's chromium-browser is a script that only asks for a snap: existing is not enough. */
function tellsVersion(path: string): Promise<boolean> {
  return run(path, ['--version'], { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

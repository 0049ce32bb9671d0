import {
  findOrInstall,
  findProgram,
  programNamedBy,
  succeeds,
  thisMachine,
  type Machine,
} from './apt.js';

const names = [
  ...['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  // On macOS.
  ...['Google Chrome', 'Chromium'],
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
  for (const path of names.map((name) => findProgram([name], folders))) {
    // Ubuntu's chromium-browser is a script that only suggests a snap, so existence is not enough.
    if (path !== undefined && (await succeeds(path, ['--version'], 20_000))) return path;
  }
  return undefined;
}

import { provideChromium } from './chromium.js';
import { provideMysqlServer } from './mysql-server.js';

/** Undoes the set-up; the teardown calls it. */
export let release: () => Promise<void> = () => Promise.resolve();

/** One after the other, because apt-get may be at work in both, and the server last: nothing that fails leaves it running. */
export default async function setUp(): Promise<void> {
  const { TEST_CHROMIUM: givenChromium, TEST_DATABASE_URL: givenUrl } = process.env;
  const chromium = await provideChromium();
  const server = await provideMysqlServer();
  process.stderr.write(`Test database: ${server.provider}\n`);
  process.env['TEST_CHROMIUM'] = chromium;
  process.env['TEST_DATABASE_URL'] = server.url;

  release = async () => {
    // In watch mode the set-up runs again, and must not take its own values for the user's.
    restore('TEST_CHROMIUM', givenChromium);
    restore('TEST_DATABASE_URL', givenUrl);
    await server.stop();
  };
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

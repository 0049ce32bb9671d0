import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

import { provideChromium } from './chromium.js';
import { provideMysqlServer } from './mysql-server.js';
import { findServerProgram } from './private-server.js';
import { unpackProxies } from './proxies.js';
import {
  isCi,
  reportNotTested,
  publishMissing,
  UnavailableError,
  type Missing,
  type Requirement,
} from './requirements.js';
import { unpackSwift } from './swift-server.js';

/** Undoes the set-up and reports what was not tested; the teardown calls it. */
export let release: () => Promise<void> = () => Promise.resolve();

/** Provides the requirements of the tests as far as possible, and publishes the missing ones. */
export default async function setUp(): Promise<void> {
  const { TEST_CHROMIUM: givenChromium, TEST_DATABASE_URL: givenUrl } = process.env;
  const missing: Missing = {};
  async function provide<T>(requirement: Requirement, provider: () => T | Promise<T>) {
    try {
      return await provider();
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      missing[requirement] = error.message;
      return undefined;
    }
  }
  // One after the other, because each may run apt-get. The server is last: no later failure leaves it running.
  const chromium = await provide('chromium', () => provideChromium());
  await provide('objectStorage', unpackSwift);
  await provide('proxies', unpackProxies);
  await provide('ipv6', findIpv6);
  const server = await provide('mysql', () => provideMysqlServer());
  await provide('mysqlProgram', () => {
    if (findServerProgram() === undefined)
      throw new UnavailableError('neither mariadbd nor mysqld is installed');
  });
  process.stderr.write(`Test database: ${server?.provider ?? 'only the embedded one'}\n`);
  const leftOut = await mkdtemp(join(tmpdir(), 'tests-left-out-'));
  publishMissing(missing, leftOut);
  setVariable('TEST_CHROMIUM', chromium);
  setVariable('TEST_DATABASE_URL', server?.url);

  release = async () => {
    // In watch mode the set-up runs again, and must not mistake its own values for the user's.
    setVariable('TEST_CHROMIUM', givenChromium);
    setVariable('TEST_DATABASE_URL', givenUrl);
    await server?.stop();
    const notTested = (await readdir(leftOut)) as Requirement[];
    await rm(leftOut, { recursive: true });
    if (notTested.length === 0) return;
    process.stderr.write(`\n${reportNotTested(notTested, missing)}\n`);
    if (isCi()) process.exitCode = 1;
  };
}

function findIpv6(): void {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  if (!interfaces.some(({ address }) => address === '::1')) {
    throw new UnavailableError('no network interface has the address ::1');
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

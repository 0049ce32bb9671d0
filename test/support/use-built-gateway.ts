import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';

import { buildGateway, type BuiltGateway, type StartedProgram } from './built-gateway.js';

/** A built gateway for the tests of a file, and an empty working directory for each test. */
export function useBuiltGateway(): BuiltGateway & { readonly folder: string } {
  const gateway = { folder: '' } as BuiltGateway & { folder: string };
  beforeAll(async () => {
    Object.assign(gateway, await buildGateway());
  });
  beforeEach(async () => {
    gateway.folder = await mkdtemp(join(tmpdir(), 'built-gateway-test-'));
  });
  afterEach(async () => {
    await gateway.endAll(gateway.folder);
    await rm(gateway.folder, { recursive: true });
  });
  afterAll(() => gateway.dispose());
  return gateway;
}

/** Expects a program to exit with status 1 and an explanation without a stack, which it returns. */
export async function expectFailedStart(program: StartedProgram): Promise<string> {
  expect(await program.ended).toBe(1);
  const message = program.stderr();
  expect(message).toMatch(/\S.*\n$/);
  expect(message).not.toMatch(/^\s+at |node:internal|Error:/m);
  expect(program.log.filter(({ msg }) => msg.startsWith('Listening'))).toEqual([]);
  return message;
}

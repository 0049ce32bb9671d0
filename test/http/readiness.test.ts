import { setImmediate } from 'node:timers/promises';

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import Fastify from 'fastify';
import { Registry } from 'prom-client';

import { addManagementRoutes } from '../../src/http/management-routes.js';
import { until } from '../support/until.js';

let now = 0;
/** The checks that a test ends. */
let checks: { resolve: () => void; reject: (error: Error) => void }[];
let requests: number;
let ready: () => Promise<number>;

beforeEach(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  checks = [];
  requests = 0;
  const server = Fastify();
  server.addHook('preHandler', async () => {
    requests++;
  });
  const checkReady = () =>
    new Promise<void>((resolve, reject) => {
      checks.push({ resolve, reject });
    });
  addManagementRoutes(server, { isDraining: false }, { checkReady, metrics: new Registry() });
  ready = async () => (await server.inject('/health/ready')).statusCode;
});
afterEach(() => void jest.restoreAllMocks());

it('/health/ready checks the database once a second, and shares the result', async () => {
  const concurrent = Promise.all([ready(), ready(), ready()]);
  (await until(() => checks[0])).resolve();
  expect(await concurrent).toEqual([200, 200, 200]);
  now += 999;
  expect([await ready(), checks.length]).toEqual([200, 1]);
  now += 1;
  const later = ready();
  (await until(() => checks[1])).reject(new Error('The database is away'));
  expect([await later, await ready(), checks.length]).toEqual([503, 503, 2]);
});

it('/health/ready starts no second check while one hangs', async () => {
  const first = ready();
  const check = await until(() => checks[0]);
  now += 10_000;
  const second = ready();
  await until(() => (requests === 2 ? true : undefined));
  await setImmediate();
  expect(checks).toHaveLength(1);
  check.resolve();
  expect([await first, await second]).toEqual([200, 200]);
});

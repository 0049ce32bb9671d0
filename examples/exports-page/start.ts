import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { SignJWT } from 'jose';
import { build } from 'vite';

import { startPageServer } from './server.js';

/** `npm run example`: a gateway with samples, the page on an origin of its own, and a user who is signed in. */
const { EXAMPLE_GATEWAY_PORT = '4100', EXAMPLE_PAGE_PORT = '4200' } = process.env;
const LIFETIME_SECONDS = 60;

const gateway = `http://127.0.0.1:${EXAMPLE_GATEWAY_PORT}`;
const page = `http://127.0.0.1:${EXAMPLE_PAGE_PORT}`;
const folder = resolve('data/example');
const secret = randomBytes(32).toString('base64');

await mkdir(folder, { recursive: true });
const program = spawn(process.execPath, [resolve('dist/src/main.js')], {
  cwd: folder,
  stdio: 'inherit',
  // Without the settings of another gateway, whose exports this page would show.
  env: {
    PATH: process.env['PATH'],
    PORT: EXAMPLE_GATEWAY_PORT,
    AUTH: 'required',
    JWT_SECRET: secret,
    JWT_REQUESTER_CLAIM: 'email',
    JWT_ALL_EXPORTS_SCOPE: 'exports:all',
    CORS_ORIGINS: page,
    LOG_LEVEL: 'warn',
  },
});
// Ctrl-C reaches both processes; the gateway ends by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => program.kill(signal));
}
void once(program, 'exit').then(([code]) => process.exit(Number(code)));

process.env['VITE_GATEWAY_URL'] = gateway;
const built = join(folder, 'page');
const outDir = { outDir: built, emptyOutDir: true };
await build({ root: import.meta.dirname, logLevel: 'warn', build: outDir });
while (!(await isReady())) await setTimeout(100);

const email = await findRequester();
await startPageServer({
  folder: built,
  port: Number(EXAMPLE_PAGE_PORT),
  issueToken: () => issueToken(email),
});
process.stdout.write(
  `Gateway  ${gateway}/graphql\nPage     ${page}   signed in as ${email}\nCtrl-C stops both.\n`,
);

function isReady(): Promise<boolean> {
  return fetch(`${gateway}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function issueToken(user: string) {
  const claims = { org_id: 'org_demo', email: user, scope: 'exports:all' };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(`${LIFETIME_SECONDS}s`);
  return { access_token: await token.sign(Buffer.from(secret)), expires_in: LIFETIME_SECONDS };
}

/** The most frequent requester of the newest exports, so that the page has exports of its own user. */
async function findRequester(): Promise<string> {
  const { access_token: token } = await issueToken('example');
  const query = '{ exports(direction: DESC, first: 100) { data { requestedBy } } }';
  const response = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as {
    data: { exports: { data: { requestedBy: string | null }[] } };
  };
  const requesters = data.exports.data.flatMap(({ requestedBy }) => requestedBy ?? []);
  const times = (email: string) => requesters.filter((each) => each === email).length;
  return requesters.toSorted((a, b) => times(b) - times(a))[0] ?? 'nobody@example.com';
}

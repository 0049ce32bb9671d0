import { z } from 'zod';

import { StartupError } from '../errors.js';
import { authSettings } from './auth.js';
import { databaseSettings, type DatabaseConfig } from './database.js';
import { filesSettings } from './files.js';
import { readVariables, rereadVariables, SECRETS, type Variables } from './secret-files.js';
import { serverSettings } from './server.js';
import type { Environment } from './settings.js';
import { tracingSettings } from './tracing.js';

/** Each concern reads the whole environment, so that one parse reports every mistake. */
const concerns = z.object({
  server: serverSettings,
  database: databaseSettings,
  files: filesSettings,
  auth: authSettings,
  tracing: tracingSettings,
});

export type Config = ReturnType<typeof readConfig>;

/** An empty variable counts as unset. Throws StartupError with every mistake at once. */
export function readConfig(environment: Environment) {
  const { server, ...others } = parse(concerns, readVariables(environment));
  // Only the embedded database is filled with samples, and only there do they move.
  const seedSamples = others.database.kind === 'embedded';
  const sampleWorker = seedSamples && server.sampleWorker;
  return { ...server, ...others, seedSamples, sampleWorker, reread: rereadersOf(environment) };
}

/** Functions that read a concern again, with what its files hold now; null without such files. */
function rereadersOf(environment: Environment) {
  if (!SECRETS.some((name) => Boolean(environment[`${name}_FILE`]))) return null;
  const reread = async <Schema extends z.ZodObject>(schema: Schema) =>
    parse(schema, await rereadVariables(environment));
  return {
    database: async () => (await reread(concerns.pick({ database: true }))).database,
    files: async () => (await reread(concerns.pick({ files: true }))).files,
    auth: async () => (await reread(concerns.pick({ auth: true }))).auth,
  };
}

/**
 * Reads the database that commands write to, without its replicas. In production that is never the
 * embedded one, which a forgotten variable would choose. Throws StartupError.
 */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  const { DATABASE_URL, DATABASE_URL_FILE, NODE_ENV } = environment;
  const variables = readVariables({ DATABASE_URL, DATABASE_URL_FILE });
  const config = parse(concerns.pick({ database: true }), variables).database;
  if (config.kind === 'mysql' || NODE_ENV !== 'production') return config;
  const problem = 'DATABASE_URL is not set, and NODE_ENV is production.';
  const remedy = 'Set DATABASE_URL, or leave NODE_ENV unset for the embedded database.';
  throw new StartupError([`${problem} ${remedy}`]);
}

function parse<Schema extends z.ZodObject>(schema: Schema, { values, problems }: Variables) {
  const input = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, values]));
  const { data, error } = schema.safeParse(input);
  if (error === undefined) return data;
  throw new StartupError(error.issues.map((issue) => problem(issue, problems)));
}

/** An issue's path is a concern, then a variable and an index unless the message names them. */
function problem(
  { path: [, ...names], message }: z.core.$ZodIssue,
  fileProblems: Variables['problems'],
): string {
  const ofFile = fileProblems.get(String(names[0]));
  if (ofFile !== undefined) return `${ofFile}.`;
  const subject = names.map((name) => (typeof name === 'number' ? `entry ${name + 1}` : name));
  return `${[...subject, message].join(' ')}.`;
}

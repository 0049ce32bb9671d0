import { z } from 'zod';

import { StartupError } from '../errors.js';
import { authSettings } from './auth.js';
import { databaseSettings, type DatabaseConfig } from './database.js';
import { filesSettings } from './files.js';
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
  const { server, ...others } = parse(concerns, environment);
  // Only the embedded database is filled with samples.
  return { ...server, ...others, seedSamples: others.database.kind === 'embedded' };
}

/**
 * Reads the database that commands write to, without its replicas. In production that is never the
 * embedded one, which a forgotten variable would choose. Throws StartupError.
 */
export function readDatabaseConfig({ DATABASE_URL, NODE_ENV }: Environment): DatabaseConfig {
  const config = parse(concerns.pick({ database: true }), { DATABASE_URL }).database;
  if (config.kind === 'mysql' || NODE_ENV !== 'production') return config;
  const problem = 'DATABASE_URL is not set, and NODE_ENV is production.';
  const remedy = 'Set DATABASE_URL, or leave NODE_ENV unset for the embedded database.';
  throw new StartupError([`${problem} ${remedy}`]);
}

function parse<Schema extends z.ZodObject>(schema: Schema, environment: Environment) {
  const entries = Object.entries(environment).filter(([, value]) => value !== '');
  const variables = Object.fromEntries(entries);
  const input = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, variables]));
  const { data, error } = schema.safeParse(input);
  if (error === undefined) return data;
  throw new StartupError(error.issues.map(problem));
}

/** An issue's path is a concern, then a variable and an index unless the message names them. */
function problem({ path: [, ...names], message }: z.core.$ZodIssue): string {
  const subject = names.map((name) => (typeof name === 'number' ? `entry ${name + 1}` : name));
  return `${[...subject, message].join(' ')}.`;
}

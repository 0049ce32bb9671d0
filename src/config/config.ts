import { z } from 'zod';

import { StartupError } from '../errors.js';
import { authSettings } from './auth.js';
import { databaseSettings, type DatabaseConfig } from './database.js';
import { filesSettings } from './files.js';
import { serverSettings } from './server.js';
import type { Environment } from './settings.js';
import { tracingSettings } from './tracing.js';

/** One schema a concern. Each reads the whole environment, so that one parse reports every mistake. */
const concerns = z.object({
  server: serverSettings,
  database: databaseSettings,
  files: filesSettings,
  auth: authSettings,
  tracing: tracingSettings,
});

/** Everything the environment says, checked. */
export type Config = ReturnType<typeof readConfig>;

/**
 * Reads the configuration. An empty variable counts as unset.
 *
 * Throws StartupError with every mistake at once, each beginning with the variable's name.
 */
export function readConfig(environment: Environment) {
  const given = withoutEmpty(environment);
  const { server, ...others } = parse(concerns, {
    server: given,
    database: given,
    files: given,
    auth: given,
    tracing: given,
  });
  // Only the gateway's own database is filled with samples.
  return { ...server, ...others, seedSamples: others.database.kind === 'embedded' };
}

/** Reads the database that commands write to, without its replicas. Throws StartupError. */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  const { DATABASE_URL } = withoutEmpty(environment);
  return parse(z.object({ database: databaseSettings }), { database: { DATABASE_URL } }).database;
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new StartupError(
    parsed.error.issues.map(
      ({ path: [, ...names], message }) => `${[...names, message].join(' ')}.`,
    ),
  );
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

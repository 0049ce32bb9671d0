import { z } from 'zod';

import {
  commaSeparated,
  crossField,
  offOr,
  onOff,
  parseHttpUrl,
  reject,
  wholeNumber,
} from './settings.js';
import { trustedDocuments } from './trusted-documents.js';

/** Browsers compare origins literally, so a wildcard would match none. */
const origin = z.string().transform((text, context) => {
  const parsed = parseHttpUrl(text)?.origin;
  if (parsed === text.replace(/\/$/, '') && !text.includes('*')) return parsed;
  return reject(context, 'must be an origin such as https://exports.example.com');
});

/** Below one of its own paths the gateway cannot tell whether a proxy has removed the path. */
const OWN_PATH = /^\/(?:files|graphql|health|metrics)(?:\/|$)/;

/** An origin with or without a path, without a trailing `/`. */
const baseUrl = z.string().transform((text, context) => {
  const url = parseHttpUrl(text);
  const base = `${url?.origin}${url?.pathname}`;
  const example = 'such as https://example.com/exports';
  if (OWN_PATH.test(url?.pathname ?? ''))
    return reject(context, `must have a path that the gateway itself has not, ${example}`);
  // The two differ when the URL has credentials, parameters or a fragment.
  if (url?.href === base && !base.includes('*')) return base.replace(/\/+$/, '');
  return reject(context, `must be an origin with or without a path, ${example}`);
});

const seconds = (min: number, max: number) => wholeNumber(min, max, ' seconds');
const milliseconds = (min: number, max: number) => wholeNumber(min, max, ' milliseconds');

const logLevel = z.enum(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  'must be trace, debug, info, warn, error, fatal or silent',
);

export const serverSettings = z
  .object({
    PORT: wholeNumber(0, 65_535).default(4000),
    HOST: z.string().default('127.0.0.1'),
    MANAGEMENT_PORT: wholeNumber(0, 65_535).optional(),
    PUBLIC_URL: baseUrl.optional(),
    HSTS: offOr(seconds(0, 100_000_000)).default(null),
    KEEP_ALIVE_TIMEOUT: seconds(1, 3_600).default(75),
    SHUTDOWN_DELAY: seconds(0, 3_600).optional(),
    TRUST_PROXY: onOff.default('off'),
    CORS_ORIGINS: commaSeparated(origin).default([]),
    GRAPHIQL: onOff.optional(),
    INTROSPECTION: onOff.optional(),
    SAMPLE_WORKER: onOff.default('on'),
    COST_PER_SECOND: offOr(wholeNumber(1, 1_000_000_000)).default(null),
    LIVE_POLL_INTERVAL: milliseconds(100, 60_000).default(1_000),
    LIVE_MAX_SUBSCRIPTIONS: wholeNumber(1, 1_000_000).default(10_000),
    TRUSTED_DOCUMENTS: trustedDocuments.optional(),
    LOG_LEVEL: logLevel.default('info'),
    NODE_ENV: z.string().optional(),
  })
  .refine(({ PORT, MANAGEMENT_PORT: port }) => port === undefined || port === 0 || port !== PORT, {
    ...crossField,
    error: 'MANAGEMENT_PORT must differ from PORT',
  })
  .transform((given) => {
    const developmentDefault = given.NODE_ENV === 'production' ? 'off' : 'on';
    return {
      port: given.PORT,
      host: given.HOST,
      /** Serves the health checks and metrics; null where PORT does. */
      managementPort: given.MANAGEMENT_PORT ?? null,
      /** What links to local files start with; null for the address that the server listens on. */
      publicUrl: given.PUBLIC_URL ?? null,
      /** The max-age of Strict-Transport-Security; null for no such header. */
      hsts: given.HSTS,
      /** How long an idle connection is kept, in seconds. */
      keepAliveTimeout: given.KEEP_ALIVE_TIMEOUT,
      /** Seconds from the signal to the end of listening; null for a time that fits the traffic. */
      shutdownDelay: given.SHUTDOWN_DELAY ?? null,
      /** Whether X-Forwarded-For and X-Forwarded-Proto of the last proxy are believed. */
      trustProxy: given.TRUST_PROXY === 'on',
      /** The origins whose pages may call the gateway from a browser. */
      corsOrigins: given.CORS_ORIGINS,
      graphiql: (given.GRAPHIQL ?? developmentDefault) === 'on',
      /** Of each organization; null for any cost. */
      costPerSecond: given.COST_PER_SECOND,
      /** Between two polls of the change feed, in milliseconds. */
      livePollInterval: given.LIVE_POLL_INTERVAL,
      /** Of the process. With AUTH=required, an organization has a quarter of it. */
      liveMaxSubscriptions: given.LIVE_MAX_SUBSCRIPTIONS,
      introspection: (given.INTROSPECTION ?? developmentDefault) === 'on',
      /** The only operations that run, as texts by id; null for every operation. */
      trustedDocuments: given.TRUSTED_DOCUMENTS ?? null,
      /** Whether samples of the embedded database move. */
      sampleWorker: given.SAMPLE_WORKER === 'on',
      logLevel: given.LOG_LEVEL,
    };
  });

import { z } from 'zod';

import { commaSeparated, offOr, onOff, parseHttpUrl, reject, wholeNumber } from './settings.js';
import { trustedDocuments } from './trusted-documents.js';

/** Browsers compare origins literally, so a wildcard would match none. */
const origin = z.string().transform((text, context) => {
  const parsed = parseHttpUrl(text)?.origin;
  if (parsed === text.replace(/\/$/, '') && !text.includes('*')) return parsed;
  return reject(context, 'must be an origin such as https://exports.example.com');
});

const logLevel = z.enum(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  'must be trace, debug, info, warn, error, fatal or silent',
);

export const serverSettings = z
  .object({
    PORT: wholeNumber(0, 65_535).default(4000),
    HOST: z.string().default('127.0.0.1'),
    PUBLIC_URL: origin.optional(),
    TRUST_PROXY: onOff.default('off'),
    CORS_ORIGINS: commaSeparated(origin).default([]),
    GRAPHIQL: onOff.optional(),
    INTROSPECTION: onOff.optional(),
    COST_PER_SECOND: offOr(wholeNumber(1, 1_000_000_000)).default(null),
    TRUSTED_DOCUMENTS: trustedDocuments.optional(),
    LOG_LEVEL: logLevel.default('info'),
    NODE_ENV: z.string().optional(),
  })
  .transform((given) => {
    const developmentDefault = given.NODE_ENV === 'production' ? 'off' : 'on';
    return {
      port: given.PORT,
      host: given.HOST,
      /** The origin of links to local files; null for the address that the server listens on. */
      publicUrl: given.PUBLIC_URL ?? null,
      /** Whether X-Forwarded-For and X-Forwarded-Proto of the last proxy are believed. */
      trustProxy: given.TRUST_PROXY === 'on',
      /** The origins whose pages may call the gateway from a browser. */
      corsOrigins: given.CORS_ORIGINS,
      graphiql: (given.GRAPHIQL ?? developmentDefault) === 'on',
      /** Of each organization; null for any cost. */
      costPerSecond: given.COST_PER_SECOND,
      introspection: (given.INTROSPECTION ?? developmentDefault) === 'on',
      /** The only operations that run, as texts by id; null for every operation. */
      trustedDocuments: given.TRUSTED_DOCUMENTS ?? null,
      logLevel: given.LOG_LEVEL,
    };
  });

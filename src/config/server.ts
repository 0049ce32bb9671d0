import { z } from 'zod';

import { onOff, reject, wholeNumber } from './settings.js';

const ORIGIN_EXAMPLE = 'https://exports.example.com';

const origin = z
  .string()
  .transform(
    (text, context) =>
      parseOrigin(text) ?? reject(context, `must be an origin such as ${ORIGIN_EXAMPLE}`),
  );

const origins = z.string().transform((text, context) => {
  const given = text.split(',');
  const valid = given.map((each) => parseOrigin(each.trim())).filter((each) => each !== null);
  if (valid.length === given.length) return valid;
  return reject(context, `must be origins such as ${ORIGIN_EXAMPLE}, separated by commas`);
});

const logLevel = z.enum(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  'must be trace, debug, info, warn, error, fatal or silent',
);

export const serverSettings = z
  .object({
    PORT: wholeNumber('a port', 0, 65535).default(4000),
    HOST: z.string().default('127.0.0.1'),
    PUBLIC_URL: origin.optional(),
    CORS_ORIGINS: origins.default([]),
    GRAPHIQL: onOff.optional(),
    INTROSPECTION: onOff.optional(),
    LOG_LEVEL: logLevel.default('info'),
    NODE_ENV: z.string().optional(),
  })
  .transform((values) => {
    const inDevelopment = values.NODE_ENV === 'production' ? 'off' : 'on';
    return {
      port: values.PORT,
      host: values.HOST,
      /** The origin of local links; null: the address the server listens on. */
      publicUrl: values.PUBLIC_URL ?? null,
      /** The origins whose pages may call the gateway from a browser. */
      corsOrigins: values.CORS_ORIGINS,
      graphiql: (values.GRAPHIQL ?? inDevelopment) === 'on',
      introspection: (values.INTROSPECTION ?? inDevelopment) === 'on',
      logLevel: values.LOG_LEVEL,
    };
  });

/** A wildcard is rejected: browsers would compare it literally. */
function parseOrigin(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, origin: parsed, host } = new URL(text);
  const isOrigin = /^https?:$/.test(protocol) && text.replace(/\/$/, '') === parsed;
  return isOrigin && !host.includes('*') ? parsed : null;
}

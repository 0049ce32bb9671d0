import { createLimitServer } from './limit-server.js';
import { createMercuriusServer } from './mercurius-server.js';
import { PlainSql } from './plain-sql.js';

/** Starts LIMIT or Mercurius, by the settings that the gateway has too. */
const { DATABASE_URL, ORGANIZATION, PORT, PUBLIC_URL, FILES_SIGNING_SECRET } = process.env;
if (DATABASE_URL === undefined || ORGANIZATION === undefined)
  throw new Error('Started by the bench.');

const sql = new PlainSql(DATABASE_URL, ORGANIZATION);
if (process.argv[2] === 'mercurius') {
  await createMercuriusServer(sql).listen({ host: '127.0.0.1', port: Number(PORT) });
} else {
  const links = { origin: PUBLIC_URL ?? '', secret: FILES_SIGNING_SECRET ?? '', ttl: 900 };
  createLimitServer(sql, links).listen(Number(PORT), '127.0.0.1');
}

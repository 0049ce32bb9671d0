import { createLimitServer } from './limit-server.js';
import { createMercuriusServer } from './mercurius-server.js';
import { PlainSql } from './plain-sql.js';

/** Starts LIMIT or Mercurius with settings of the gateway. */
const { env } = process;
const sql = new PlainSql(env['DATABASE_URL'] ?? '', env['ORGANIZATION'] ?? '');
const port = Number(env['PORT']);
if (process.argv[2] === 'mercurius') {
  await createMercuriusServer(sql).listen({ host: '127.0.0.1', port });
} else {
  const links = {
    origin: env['PUBLIC_URL'] ?? '',
    secret: env['FILES_SIGNING_SECRET'] ?? '',
    ttl: 900,
  };
  createLimitServer(sql, links).listen(port, '127.0.0.1');
}

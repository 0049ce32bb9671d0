import 'reflect-metadata';

import { createLimitServer } from './limit-server.js';
import { PlainSql } from './plain-sql.js';

/** Starts LIMIT with settings of the gateway. */
const {
  DATABASE_URL = '',
  ORGANIZATION = '',
  PORT,
  PUBLIC_URL: origin = '',
  FILES_URL = '',
  FILES_SIGNING_SECRET: secret = '',
} = process.env;
const sql = new PlainSql(DATABASE_URL, ORGANIZATION);
const server = createLimitServer(sql, {
  ...{ origin, secret, ttl: 900 },
  folder: FILES_URL.replace('file:', ''),
});
server.keepAliveTimeout = 75_000;
server.listen(Number(PORT), '127.0.0.1');

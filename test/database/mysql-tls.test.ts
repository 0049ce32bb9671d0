import { Socket } from 'node:net';

import { expect, it } from '@jest/globals';

import { negotiateTls } from '../../src/database/mysql-tls.js';
import { mysqlConfig } from '../support/mysql-config.js';

const { primary } = mysqlConfig('mysql://gateway@127.0.0.1/exports');

/** The first packet of a server: its version, thread, random bytes and capabilities. */
function greeting(capabilities: number): Buffer {
  const parts = [
    '0a',
    Buffer.from('10.11.6-MariaDB\0').toString('hex'),
    '01000000',
    '2a'.repeat(8),
  ];
  const body = Buffer.from(`${parts.join('')}000000`, 'hex');
  body.writeUInt16LE(capabilities, body.length - 2);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
}

it.each([
  { offers: 'offers TLS', capabilities: 0xffff, ssl: {} },
  { offers: 'offers no TLS', capabilities: 0xf7ff, ssl: undefined },
])(
  'sees that a server $offers in whatever pieces its greeting arrives',
  ({ capabilities, ssl }) => {
    const packet = greeting(capabilities);
    for (let cut = 1; cut < packet.length; cut++) {
      const socket = new Socket();
      const config: { ssl?: object | undefined } = { ssl: {} };
      negotiateTls(primary, socket, config);
      for (const piece of [packet.subarray(0, cut), packet.subarray(cut)])
        socket.emit('data', piece);
      expect({ cut, ssl: config.ssl }).toEqual({ cut, ssl });
    }
  },
);

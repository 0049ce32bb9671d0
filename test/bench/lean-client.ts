import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { GraphqlRequest } from './workloads.js';

export type Protocol = 'sse' | 'websocket' | 'polling';

export interface LeanClientOptions {
  readonly origin: string;
  readonly protocol: Protocol;
  readonly token: string;
  readonly request: GraphqlRequest;
  /** Receives `countTotal` of each export in a result. */
  readonly onCount: (count: number) => void;
  /** Called for each whole response to a poll. */
  readonly onResponse: () => void;
  /** Called when the server closes the connection of an accepted request. */
  readonly onClose: () => void;
}

const COUNT = '"countTotal":';
const POLL_MS = 1_000;
const RETRY_MS = 250;
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };

/**
 * A client on a socket of its own that reads no more than `countTotal`. With WebSocket objects or
 * HTTP requests of Node, the load of 10,000 clients would need more CPU than the server.
 */
export class LeanClient {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #onFirst: ((isAccepted: boolean) => void) | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isUpgraded = false;
  /** The request. */
  #bytes: Buffer = Buffer.alloc(0);
  /** For the response to a poll. */
  #isWaiting = false;

  private constructor(private readonly options: LeanClientOptions) {
    const { hostname, port } = new URL(options.origin);
    this.#socket = connect(Number(port), hostname).setNoDelay();
    this.#socket.on('data', (chunk) => {
      this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]));
    });
    this.#socket
      .on('error', () => undefined)
      .once('close', () => {
        if (!this.#settle(false)) options.onClose();
      });
  }

  /** Resolves once the server has accepted the request, as clients repeat it. */
  static async start(options: LeanClientOptions): Promise<LeanClient> {
    for (;;) {
      const client = new LeanClient(options);
      await once(client.#socket, 'connect');
      if (await client.#begin()) return client;
      await sleep(RETRY_MS);
    }
  }

  /** Repeats the request every second from now on, but not before the response to the last one. */
  poll(): void {
    this.#timer = setInterval(() => {
      if (this.#isWaiting) return;
      this.#isWaiting = true;
      this.#socket.write(this.#bytes);
    }, POLL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.removeAllListeners('close').destroy();
  }

  #begin(): Promise<boolean> {
    const { protocol, request, token } = this.options;
    const first = new Promise<boolean>((resolve) => (this.#onFirst = resolve));
    if (protocol === 'websocket') {
      this.#socket.write(
        `GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
          `Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      return first;
    }
    const body = JSON.stringify(request);
    const accept = protocol === 'sse' ? 'text/event-stream' : 'application/json';
    this.#bytes = Buffer.from(
      `POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    this.#socket.write(this.#bytes);
    return first;
  }

  #read(data: Buffer): void {
    const { protocol } = this.options;
    let read: number;
    if (protocol === 'sse') read = this.#readEvents(data);
    else if (protocol === 'polling') read = this.#readResponse(data);
    else read = this.#isUpgraded ? this.#readFrames(data) : this.#readUpgrade(data);
    this.#rest = data.subarray(read);
  }

  #readEvents(data: Buffer): number {
    const end = data.lastIndexOf('\n\n') + 2;
    if (end > 1) this.#readCounts(data.subarray(0, end));
    if (this.#onFirst !== null && data.includes('\r\n\r\n') && this.#isOf(200, data))
      this.#settle(true);
    return Math.max(0, end);
  }

  #readResponse(data: Buffer): number {
    const headers = data.indexOf('\r\n\r\n') + 4;
    if (headers < 4) return 0;
    const length = /content-length: (\d+)/i.exec(data.toString('latin1', 0, headers))?.[1];
    if (data.length < headers + Number(length)) return 0;
    if (!this.#isOf(200, data)) return data.length;
    this.#readCounts(data.subarray(headers));
    this.options.onResponse();
    this.#isWaiting = false;
    this.#settle(true);
    return data.length;
  }

  #readUpgrade(data: Buffer): number {
    const end = data.indexOf('\r\n\r\n') + 4;
    if (end < 4) return 0;
    if (!this.#isOf(101, data)) return data.length;
    this.#isUpgraded = true;
    this.#send(opcodes.text, JSON.stringify({ type: 'connection_init' }));
    return end + this.#readFrames(data.subarray(end));
  }

  /** Frames of a server are not masked. */
  #readFrames(data: Buffer): number {
    let at = 0;
    for (;;) {
      const short = data[at + 1] ?? 0;
      const start = at + (short === 126 ? 4 : 2);
      if (data.length < start) return at;
      const end = start + (short === 126 ? data.readUInt16BE(at + 2) : short);
      if (data.length < end) return at;
      this.#readFrame(data.readUInt8(at) & 15, data.subarray(start, end));
      at = end;
    }
  }

  #readFrame(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) this.#send(opcodes.pong, payload);
    if (opcode !== opcodes.text) return;
    if (payload.includes('"connection_ack"')) {
      this.#subscribe();
      this.#settle(true);
    } else if (payload.includes('"type":"error"'))
      setTimeout(() => {
        this.#subscribe();
      }, RETRY_MS);
    else if (payload.includes('"type":"ping"')) this.#send(opcodes.text, '{"type":"pong"}');
    else this.#readCounts(payload);
  }

  #subscribe(): void {
    const subscribe = { id: '1', type: 'subscribe', payload: this.options.request };
    this.#send(opcodes.text, JSON.stringify(subscribe));
  }

  /** Masked with zeros, which leave the payload as it is. */
  #send(opcode: number, payload: string | Buffer): void {
    const bytes = Buffer.from(payload);
    const isShort = bytes.length < 126;
    const header = Buffer.alloc(isShort ? 6 : 8);
    header.writeUInt8(128 | opcode, 0);
    header.writeUInt8(128 | (isShort ? bytes.length : 126), 1);
    if (!isShort) header.writeUInt16BE(bytes.length, 2);
    this.#socket.write(Buffer.concat([header, bytes]));
  }

  #readCounts(data: Buffer): void {
    for (let at = data.indexOf(COUNT); at !== -1; at = data.indexOf(COUNT, at + 1)) {
      let count = 0;
      for (let digit = at + COUNT.length; ; digit++) {
        const value = (data[digit] ?? 0) - 48;
        if (value < 0 || value > 9) break;
        count = count * 10 + value;
      }
      this.options.onCount(count);
    }
  }

  /** Closes the connection after a response with another status. */
  #isOf(status: number, response: Buffer): boolean {
    const isExpected = response.toString('latin1', 0, 13) === `HTTP/1.1 ${status} `;
    if (!isExpected) this.#socket.destroy();
    return isExpected;
  }

  /** Returns whether `start` waited for it. */
  #settle(isAccepted: boolean): boolean {
    const onFirst = this.#onFirst;
    this.#onFirst = null;
    onFirst?.(isAccepted);
    return onFirst !== null;
  }
}

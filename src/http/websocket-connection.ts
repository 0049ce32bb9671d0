import type { WebSocket } from '@fastify/websocket';
import type { FastifyBaseLogger } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { CloseCode, type SubscribePayload } from 'graphql-ws';

import type { RequestHeaders, Viewer } from '../auth/viewer.js';
import { GatewayError } from '../errors.js';
import { logGatewayError } from './error-responses.js';
import { webSocketCredentials } from './websocket-credentials.js';
import { WebSocketOperation, type WebSocketServices } from './websocket-operation.js';

/** A front end opens dozens on a connection; a gateway in front hundreds, for all of its users. */
const MAX_OPERATIONS = 1_000;
/** While so many messages are being handled, others wait, and no further one is read. */
const MAX_PENDING_MESSAGES = 50;
/** The code of a server that goes away: clients connect again. */
export const GOING_AWAY = 1001;

interface Upgrade {
  readonly id: string;
  /** The address of the client. */
  readonly ip: string;
  readonly headers: RequestHeaders;
}

/** A client that is connected by WebSocket, as graphql-ws uses it, and its operations. */
export class WebSocketConnection {
  readonly id: string;
  readonly ip: string;
  /** Why operations that are still open end: the code of the gateway's error, or ABORTED; else null. */
  endCode: string | null = null;
  #viewer: Viewer | null = null;
  /** Of the upgrade request, until the client has authenticated. */
  #headers: RequestHeaders | null;
  readonly #operations = new Set<WebSocketOperation>();
  #operationCount = 0;
  #handle: (message: string) => Promise<void> = () => Promise.resolve();
  /** Those that were received together with the last one that is being handled. */
  readonly #waitingMessages: string[] = [];
  #pendingMessages = 0;
  /** Whether anything has arrived since the last beat. */
  #isAlive = true;

  constructor(
    private readonly socket: WebSocket,
    { id, ip, headers }: Upgrade,
    readonly services: WebSocketServices,
  ) {
    this.id = id;
    this.ip = ip;
    this.#headers = headers;
    socket.on('pong', () => {
      this.#isAlive = true;
    });
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  /** Resolves once the system has taken the message, or the connection is closed. */
  send(message: string): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isOpen) {
        resolve();
        return;
      }
      this.socket.send(message, () => {
        resolve();
      });
    });
  }

  /** Without the payload of the ping, which the client may not read back, and send again and again. */
  async onPing(): Promise<void> {
    await this.send('{"type":"pong"}');
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  onMessage(handle: (message: string) => Promise<void>): void {
    this.#handle = handle;
    this.socket.on('message', (message: Buffer) => {
      this.#isAlive = true;
      this.#waitingMessages.push(String(message));
      this.#handleMessages();
    });
  }

  /** Authenticates by the upgrade request and the payload of ConnectionInit; false closes. */
  async connect(parameters: Readonly<Record<string, unknown>>): Promise<boolean> {
    try {
      const credentials = webSocketCredentials(this.#headers ?? {}, parameters);
      this.#headers = null;
      this.#viewer = await this.services.authenticate(credentials);
      return true;
    } catch (error) {
      this.end(error);
      return false;
    }
  }

  /** Resolves to the result of an operation, or to the operation as the stream of its results. */
  async execute(payload: SubscribePayload): Promise<FormattedExecutionResult | WebSocketOperation> {
    if (this.#viewer === null) throw new Error('A connection has not been authenticated');
    if (this.#operations.size >= MAX_OPERATIONS) return tooManyOperations;
    const id = `${this.id}:${(this.#operationCount += 1)}`;
    const operation = new WebSocketOperation(this, id, this.#viewer);
    this.#operations.add(operation);
    const result = await operation.execute(payload).catch((error: unknown) => {
      this.end(error);
      throw error;
    });
    if (result !== undefined) return result;
    // The message of a subscription is being handled until its end.
    this.#settleMessage();
    return operation;
  }

  /** Called once for each operation, at its end. */
  remove(operation: WebSocketOperation): void {
    this.#operations.delete(operation);
    if (operation.stream !== null) this.#pendingMessages++;
  }

  /** Closes the connection, so that the client connects again: for valid credentials with new ones. */
  end(error: unknown): void {
    const { log } = this;
    if (error instanceof GatewayError) {
      logGatewayError(log, error);
      this.endCode ??= error.extensions.code;
      const isRejected = error.extensions.code === 'UNAUTHENTICATED';
      this.close(isRejected ? CloseCode.Forbidden : GOING_AWAY, error.message);
    } else {
      log.error({ err: error }, 'A WebSocket failed');
      this.endCode ??= 'INTERNAL_SERVER_ERROR';
      this.close(CloseCode.InternalServerError, 'Internal server error');
    }
  }

  /** Cancels the operations of a client that has disconnected. */
  disconnected(): void {
    this.endCode ??= 'ABORTED';
    for (const operation of this.#operations) operation.disconnect();
  }

  /** Closes the connection of a client that has not even answered the last ping. */
  beat(): void {
    if (!this.#isAlive) this.socket.terminate();
    else if (this.isOpen) this.socket.ping();
    this.#isAlive = false;
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  private get log(): FastifyBaseLogger {
    return this.services.log.child({ requestId: this.id });
  }

  /** Leaves messages to the client that sends them faster than it reads what they lead to. */
  #handleMessages(): void {
    while (this.#pendingMessages < MAX_PENDING_MESSAGES) {
      const message = this.#waitingMessages.shift();
      if (message === undefined) break;
      this.#pendingMessages++;
      void this.#handleMessage(message);
    }
    const isBusy = this.#waitingMessages.length > 0;
    if (isBusy === this.socket.isPaused) return;
    this.#isAlive = true;
    if (isBusy) this.socket.pause();
    else this.socket.resume();
  }

  async #handleMessage(message: string): Promise<void> {
    try {
      await this.#handle(message);
    } catch {
      // What the gateway does wrong has been logged, and has closed the connection.
      this.close(CloseCode.BadRequest, 'Invalid message received');
    }
    this.#settleMessage();
  }

  #settleMessage(): void {
    this.#pendingMessages--;
    this.#handleMessages();
  }
}

const tooManyOperations = {
  errors: [
    {
      message:
        `A connection can have ${MAX_OPERATIONS} operations at once: ` +
        'complete some of them, or open another connection.',
      extensions: { code: 'BAD_REQUEST' },
    },
  ],
};

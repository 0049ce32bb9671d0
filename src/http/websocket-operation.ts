import { HeaderMap, type ApolloServer, type GraphQLRequest } from '@apollo/server';
import type { FastifyBaseLogger } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';

import type { Authenticate, Viewer } from '../auth/viewer.js';
import { GatewayError, OverloadedError, UnauthenticatedError } from '../errors.js';
import type { Context, OperationResult } from '../graphql/context.js';
import type { ResultStream } from '../graphql/result-stream.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { RunOperation } from './operations.js';
import { beginStream, type RecordedStream } from './recorded-stream.js';
import { completeOperation, type RequestObserver } from './request-log.js';
import {
  GRAPHQL_PATH,
  type Disclosure,
  type OperationRecord,
  type RequestTracer,
  type TracedRequest,
} from './requests.js';
import type { WebSocketConnection } from './websocket-connection.js';

/** What the operations of all connections share. */
export interface WebSocketServices {
  readonly apollo: ApolloServer<Context>;
  readonly trustedDocuments: TrustedDocuments | null;
  readonly authenticate: Authenticate;
  readonly runOperation: RunOperation;
  readonly tracer: RequestTracer | null;
  readonly observer: RequestObserver;
  readonly log: FastifyBaseLogger;
}

type Response = Awaited<ReturnType<ApolloServer<Context>['executeOperation']>>;

/** An operation of a WebSocket, and the results of a subscription as graphql-ws asks for them. */
export class WebSocketOperation
  implements OperationRecord, AsyncIterableIterator<FormattedExecutionResult, undefined>
{
  readonly transport = 'websocket';
  operationResult: OperationResult | null = null;
  disclosed: Disclosure | null = null;
  traced: TracedRequest | null = null;
  stream: RecordedStream | null = null;
  readonly #startedAt = performance.now();
  #disconnectCallbacks: (() => void)[] = [];
  #isFinished = false;

  constructor(
    private readonly connection: WebSocketConnection,
    readonly id: string,
    readonly viewer: Viewer,
  ) {}

  get ip(): string {
    return this.connection.ip;
  }

  get log(): FastifyBaseLogger {
    return this.connection.services.log.child({ requestId: this.id });
  }

  /** Resolves to the result; to undefined once a subscription has begun, whose results follow. */
  async execute(payload: SubscribePayload): Promise<FormattedExecutionResult | undefined> {
    const { tracer } = this.connection.services;
    const target = { route: GRAPHQL_PATH, path: GRAPHQL_PATH };
    const request = { id: this.id, method: 'GET', protocol: 'http', headers: {} };
    this.traced = tracer?.start(request, target) ?? null;
    this.traced?.identify(this.viewer);
    let results = null as ResultStream | null;
    const { http, body } = await this.#run(payload, (begun) => {
      results = begun;
    });
    this.#disconnectCallbacks = [];
    if (body.kind !== 'single') throw new Error('The schema has no incremental delivery');
    if (results === null) {
      this.#finish(http.status ?? 200);
      return body.singleResult as FormattedExecutionResult;
    }
    const { observer } = this.connection.services;
    beginStream(this, results, { observer, seconds: this.#ms / 1_000 });
    this.traced = null;
    this.disclosed = null;
    return undefined;
  }

  async #run(
    payload: SubscribePayload,
    onStream: (results: ResultStream) => void,
  ): Promise<Response> {
    const { apollo, trustedDocuments, runOperation } = this.connection.services;
    try {
      // A connection outlives the token of its client.
      await this.viewer.revalidate();
      const given = { method: 'POST', search: '', body: payload };
      const request = toRequest(
        (trustedDocuments?.resolve(given).body as object | undefined) ?? payload,
      );
      return await runOperation<Response>({
        viewer: this.viewer,
        record: this,
        stream: { transport: this.transport, onStream },
        onDisconnect: (callback) => this.#disconnectCallbacks.push(callback),
        execute: (contextValue) => apollo.executeOperation(request, { contextValue }),
        onRejected: () => this.#failedResponse(new OverloadedError()),
        result: () => this.operationResult ?? { operation: undefined, code: null },
      });
    } catch (error) {
      if (error instanceof UnauthenticatedError) this.connection.end(error);
      if (error instanceof GatewayError) return this.#failedResponse(error);
      throw error;
    }
  }

  #failedResponse({ message, extensions: { http, ...extensions } }: GatewayError): Response {
    this.operationResult = { operation: undefined, code: extensions.code };
    const head = { status: http?.status ?? 400, headers: new HeaderMap() };
    return {
      http: head,
      body: { kind: 'single', singleResult: { errors: [{ message, extensions }] } },
    };
  }

  /** Asks for a result. Closes the connection where the gateway breaks the subscription off. */
  async next(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    // Nothing waits for the system any more: graphql-ws would ask again and again.
    if (!this.connection.isOpen) return this.return();
    try {
      const next = await this.stream?.next();
      if (next !== undefined && next.done !== true) return next;
    } catch (error) {
      this.connection.end(error);
    }
    this.#finish(200);
    return end;
  }

  /** Unsubscribes: the client has completed the subscription, or the connection is closed. */
  async return(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    this.stream?.return();
    this.#finish(200);
    return end;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Cancels what has no response yet. */
  disconnect(): void {
    for (const callback of this.#disconnectCallbacks.splice(0)) callback();
  }

  get #ms(): number {
    return performance.now() - this.#startedAt;
  }

  #finish(status: number): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const { connection, operationResult } = this;
    connection.remove(this);
    const { operation, code = null } = operationResult ?? {};
    const result = { operation, code: code ?? connection.endCode };
    const completion = { route: GRAPHQL_PATH, path: GRAPHQL_PATH, status, ms: this.#ms, result };
    completeOperation(this, completion, connection.services.observer.onRequestCompleted);
  }
}

const end = { done: true, value: undefined } as const;

/** graphql-ws demands a text where a client sends the hash of a persisted document instead. */
function toRequest(payload: object): GraphQLRequest {
  const given = Object.entries(payload).filter(([, value]) => value !== null && value !== '');
  return Object.fromEntries(given);
}

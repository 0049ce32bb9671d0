import type { IncomingMessage, ServerResponse } from 'node:http';

import websocket, { type WebsocketHandler } from '@fastify/websocket';
import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  GraphQLError,
  GraphQLSchema,
  parse,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { handleProtocols, makeServer, type OperationResult } from 'graphql-ws';

import type { Heartbeats } from './heartbeats.js';
import { webSocketUpgrades } from './upgrades.js';
import { GOING_AWAY, WebSocketConnection } from './websocket-connection.js';
import { WebSocketOperation, type WebSocketServices } from './websocket-operation.js';

/** How long a client may take to answer that the gateway closes its connection. */
const CLOSE_TIMEOUT_MS = 2_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** The reply of a request that becomes a WebSocket. */
    upgradeReply: FastifyReply | null;
  }
}

/** What graphql-ws asks for beside a result that Apollo Server has executed. */
const executed = { schema: new GraphQLSchema({}), document: parse('{ __typename }') };

/** The protocol graphql-transport-ws. Operations take the way that they take over HTTP. */
const protocol = makeServer<Record<string, unknown>, WebSocketConnection>({
  onConnect(context) {
    const { extra: connection, connectionParams = {} } = context;
    // They may be large, and hold credentials.
    Object.assign(context, { connectionParams: undefined });
    return connection.connect(connectionParams);
  },
  async onSubscribe({ extra: connection }, _id, payload) {
    const result = await connection.execute(payload);
    if (result instanceof WebSocketOperation || result.data !== undefined) {
      return { ...executed, rootValue: result };
    }
    return (result.errors ?? []).map(toGraphQLError);
  },
  execute: ({ rootValue }) => rootValue as OperationResult,
  // Unchanged: its errors have been formatted.
  onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
});

function toGraphQLError({ message, locations, ...options }: GraphQLFormattedError): GraphQLError {
  return Object.assign(new GraphQLError(message, options), { locations });
}

interface WebSocketOptions {
  readonly services: WebSocketServices;
  readonly heartbeats: Heartbeats;
  /** In bytes. */
  readonly maxMessage: number;
  readonly isWebSocketPath: (target: string) => boolean;
}

/** Returns the handler of the route that clients open WebSockets on. */
export async function addWebSockets(
  server: FastifyInstance,
  { services, heartbeats, maxMessage, isWebSocketPath }: WebSocketOptions,
): Promise<WebsocketHandler> {
  const isWebSocketRequest = ({ method, url = '', headers }: IncomingMessage) =>
    method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && isWebSocketPath(url);
  const webSocketOptions = {
    server: webSocketUpgrades(server.server, isWebSocketRequest),
    handleProtocols,
    maxPayload: maxMessage,
    perMessageDeflate: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  await server.register(websocket, {
    options: webSocketOptions,
    preClose(done) {
      const { websocketServer } = server;
      for (const client of websocketServer.clients)
        client.close(GOING_AWAY, 'The gateway is closing.');
      websocketServer.close();
      done();
    },
  });
  // The plugin disconnects only clients that a hook behind its own has refused.
  server.addHook('onResponse', ({ ws, raw }, _reply, done) => {
    if (!ws && isWebSocketRequest(raw)) raw.socket.destroy();
    done();
  });
  server.decorateRequest('upgradeReply', null);

  return (socket, request) => {
    const { id, ip, headers, upgradeReply } = request;
    if (upgradeReply !== null) completeUpgrade(upgradeReply);
    // Errors of the protocol close the connection. The listener of the plugin would keep the request.
    socket.removeAllListeners('error').on('error', ignore);
    const connection = new WebSocketConnection(socket, { id, ip, headers }, services);
    const closed = protocol.opened(connection, connection);
    const stopBeating = heartbeats.start(connection);
    socket.once('close', (code, reason) => {
      stopBeating();
      connection.disconnected();
      void closed(code, String(reason));
    });
  };
}

function ignore(): void {}

/** The response of an upgrade is complete, for the log and the shutdown, when the WebSocket opens. */
function completeUpgrade(reply: FastifyReply): void {
  const response: ServerResponse = reply.code(101).raw;
  response.detachSocket(reply.request.raw.socket);
  response.emit('close');
}

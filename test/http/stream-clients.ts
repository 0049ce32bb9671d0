import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

import { WebSocket } from 'ws';

export interface StreamRequest {
  readonly query: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A result, or the errors of a request that has none. */
export type Received = Readonly<Record<string, unknown>>;

/** A stream of one operation, as the bytes of its protocol tell. */
export interface OpenStream {
  /** Null for a WebSocket that has opened. */
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  readonly received: readonly Received[];
  /** Everything that has arrived. */
  readonly text: () => string;
  /** How it ends: `complete`, the code of an error or of a WebSocket, or `broken off`. */
  readonly ended: Promise<string>;
  /** Disconnects. */
  readonly close: () => void;
}

export interface StreamClient {
  readonly transport: 'websocket' | 'sse' | 'multipart';
  readonly open: (origin: string, request: StreamRequest) => Promise<OpenStream>;
}

/** Opens a stream by HTTP; one that is refused ends with the code of its error. */
export async function openHttpStream(
  origin: string,
  {
    accept,
    query,
    headers = {},
    method = 'POST',
  }: StreamRequest & { accept: string; method?: string },
): Promise<OpenStream> {
  const isPost = method === 'POST';
  const path = `/graphql${isPost ? '' : `?query=${encodeURIComponent(query)}`}`;
  const contentType = isPost ? { 'content-type': 'application/json' } : {};
  const options = {
    ...{ method, agent: false },
    headers: { connection: 'keep-alive', accept, ...contentType, ...headers },
  };
  const sent = request(`${origin}${path}`, options);
  sent.end(isPost ? JSON.stringify({ query }) : undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const type = response.headers['content-type'] ?? '';
  const decode = type.startsWith('multipart/mixed') ? decodeMultipart : decodeSse;
  const isStream = !type.includes('json');
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  // The test disconnects, or the gateway.
  response.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get received() {
      return isStream ? decode(text).results : [JSON.parse(text) as Received];
    },
    text: () => text,
    ended: closed.then(() => {
      if (isStream) return decode(text).end;
      return text === '' ? 'broken off' : codeOf(JSON.parse(text) as Received);
    }),
    close: () => void sent.destroy(),
  };
}

function decodeSse(text: string): { results: Received[]; end: string } {
  const events = text.split('\n\n').filter((event) => event !== '' && !event.startsWith(':'));
  const results = events.flatMap((event) => /^event: next\ndata: (.*)$/.exec(event)?.[1] ?? []);
  return {
    results: results.map((json) => JSON.parse(json) as Received),
    end: events.at(-1) === 'event: complete\ndata:' ? 'complete' : 'broken off',
  };
}

function decodeMultipart(text: string): { results: Received[]; end: string } {
  const parts = text.split('\r\n--graphql').slice(1, -1);
  const messages = parts.map((part) => JSON.parse(part.split('\r\n\r\n')[1] ?? '') as Received);
  const last = messages.at(-1);
  const end = last?.['payload'] === null ? codeOf(last) : 'complete';
  return {
    results: messages.flatMap(({ payload }) => (payload == null ? [] : [payload as Received])),
    end: text.endsWith('\r\n--graphql--\r\n') ? end : 'broken off',
  };
}

function codeOf(failed: Received): string {
  const errors = failed['errors'] as { extensions: { code: string } }[];
  return errors[0]?.extensions.code ?? 'none';
}

/** Opens a WebSocket without sending anything. */
export function connectWebSocket(
  origin: string,
  { headers = {}, protocol = 'graphql-transport-ws' } = {},
) {
  const url = `${origin.replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, protocol === '' ? [] : protocol, { headers });
  const messages: Received[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(String(data)) as Received));
  // A refused upgrade is told by `refused`.
  socket.on('error', () => undefined);
  const untilEvent = <Arguments extends unknown[]>(event: string) =>
    new Promise<Arguments>((resolve) => {
      socket.once(event, (...args: unknown[]) => {
        resolve(args as Arguments);
      });
    });
  const refused = untilEvent<[unknown, IncomingMessage]>('unexpected-response');
  const upgraded = untilEvent<[IncomingMessage]>('upgrade');
  const closed = untilEvent<[code: number, reason: Buffer]>('close');
  return {
    socket,
    messages,
    /** The response to the upgrade. */
    opened: Promise.race([
      upgraded.then(([response]) => response),
      refused.then(([, each]) => each),
    ]),
    closed: closed.then(([code, reason]) => ({ code, reason: String(reason) })),
    async send(...sent: (object | string)[]) {
      if (socket.readyState === WebSocket.CONNECTING) await once(socket, 'open');
      for (const each of sent) socket.send(typeof each === 'string' ? each : JSON.stringify(each));
    },
    /** Never rejects. */
    untilMessage: (type: string, id?: string) =>
      new Promise<Received>((resolve) => {
        const look = () => {
          const isWanted = (each: Received) => each['type'] === type && (!id || each['id'] === id);
          const found = messages.find(isWanted);
          if (found !== undefined) resolve(found);
        };
        look();
        socket.on('message', look);
      }),
  };
}

async function openWebSocket(
  origin: string,
  { query, headers = {} }: StreamRequest,
): Promise<OpenStream> {
  const client = connectWebSocket(origin, { headers });
  const { statusCode, headers: received } = await client.opened;
  const isOpen = statusCode === 101;
  if (isOpen) await client.send({ type: 'connection_init' });
  const acknowledged = isOpen
    ? await Promise.race([client.untilMessage('connection_ack'), client.closed])
    : null;
  if (acknowledged !== null && 'type' in acknowledged) {
    await client.send({ id: '1', type: 'subscribe', payload: { query } });
  }
  const completed = client.untilMessage('complete', '1').then(() => 'complete');
  const failed = client
    .untilMessage('error', '1')
    .then(({ payload }) => codeOf({ errors: payload }));
  const closed = client.closed.then(({ code }) => String(code));
  return {
    status: isOpen ? null : (statusCode ?? 0),
    headers: received,
    get received() {
      return client.messages.flatMap(({ type, payload }): Received[] => {
        if (type === 'next') return [payload as Received];
        return type === 'error' ? [{ errors: payload }] : [];
      });
    },
    text: () => JSON.stringify(client.messages),
    ended: Promise.race([completed, failed, closed]),
    close: () => {
      if (isOpen) client.socket.terminate();
    },
  };
}

export const MULTIPART = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0';

export const streamClients: readonly StreamClient[] = [
  { transport: 'websocket', open: openWebSocket },
  {
    transport: 'sse',
    open: (origin, sent) => openHttpStream(origin, { ...sent, accept: 'text/event-stream' }),
  },
  {
    transport: 'multipart',
    open: (origin, sent) => openHttpStream(origin, { ...sent, accept: MULTIPART }),
  },
];

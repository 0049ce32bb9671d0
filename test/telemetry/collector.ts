import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import protobuf from 'protobufjs';

/** The parts of OTLP's messages that tests read. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4;
    string name = 5; int32 kind = 6; repeated KeyValue attributes = 9; Status status = 15;
  }
  message Status { int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string = 1; int64 int = 3; ArrayValue array = 5; } }
  message ArrayValue { repeated AnyValue values = 1; }
`);
const requestType = root.lookupType('Request');

interface Value {
  readonly string?: string;
  readonly int?: number;
}
type AnyValue = Value & { readonly array?: { readonly values: readonly Value[] } };
type Attributes = readonly { readonly key: string; readonly value: AnyValue }[];
interface Span {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId?: Buffer;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Attributes;
  readonly status?: { readonly code?: number };
}
interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

export type ReceivedSpan = ReturnType<typeof parseSpans>[number];
export type Collector = Awaited<ReturnType<typeof startCollector>>;

/** Receives traces like an OpenTelemetry collector. */
export async function startCollector() {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      if (request.url === '/v1/traces') spans.push(...parseSpans(body));
      response.end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async close(): Promise<void> {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The spans in a request to a collector; ids are hexadecimal. */
function parseSpans(body: Buffer) {
  const options = { longs: Number, arrays: true };
  const message = requestType.toObject(requestType.decode(body), options) as Request;
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ traceId, spanId, parentSpanId, name, kind, attributes, status }) => ({
        traceId: traceId.toString('hex'),
        id: spanId.toString('hex'),
        parentId: parentSpanId?.toString('hex') ?? '',
        name,
        kind: ['internal', 'server', 'client'][kind - 1],
        attributes: toRecord(attributes),
        hasFailed: status?.code === 2,
        service: toRecord(resource.attributes)['service.name'],
      })),
  );
}

function toRecord(attributes: Attributes): Readonly<Record<string, unknown>> {
  const plain = ({ string, int }: Value) => string ?? int;
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, plain(value) ?? value.array?.values.map(plain)]),
  );
}

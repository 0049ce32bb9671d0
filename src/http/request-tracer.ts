import type { IncomingHttpHeaders } from 'node:http';

import type { OperationResult } from '../graphql/context.js';

export interface RequestTracer {
  /** `target` is null where no route matches: the path may then hold anything. */
  start(
    request: { id: string; method: string; protocol: string; headers: IncomingHttpHeaders },
    target: { route: string; path: string } | null,
  ): TracedRequest;
}

export interface TracedRequest {
  /** Runs a callback and everything asynchronous that it starts as part of this request. */
  run(callback: () => void): void;
  /** Runs the GraphQL operation of this request; calls `result` once it has ended. */
  runOperation<Response>(
    operation: () => Promise<Response>,
    result: () => OperationResult,
  ): Promise<Response>;
  /** `status` is null when the client disconnected before the response. */
  end(response: { status: number | null; errorCode: string | null }): void;
}

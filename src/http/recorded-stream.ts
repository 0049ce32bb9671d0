import type { FormattedExecutionResult } from 'graphql';

import { GatewayError } from '../errors.js';
import type { ResultStream } from '../graphql/result-stream.js';
import { logDisclosure, type RequestObserver } from './request-log.js';
import { GRAPHQL_PATH, type OperationRecord } from './requests.js';

/** Reports a subscription that has begun. The line of the log follows at its end. */
export function beginStream(
  record: OperationRecord,
  results: ResultStream,
  { observer, seconds }: { observer: RequestObserver; seconds: number },
): RecordedStream {
  const { operationResult, traced } = record;
  traced?.end({ status: 200, errorCode: null });
  observer.onRequestCompleted({
    ...{ route: GRAPHQL_PATH, status: 200, seconds, disclosed: null },
    operationResult: operationResult ?? { operation: undefined, code: null },
  });
  return (record.stream = new RecordedStream(results, record, observer));
}

/** The results of a subscription as its transport asks for them, with what the log tells of them. */
export class RecordedStream {
  events = 0;

  constructor(
    private readonly results: ResultStream,
    private readonly record: OperationRecord,
    private readonly observer: RequestObserver,
  ) {}

  /** Throws a GatewayError when the gateway breaks the stream off. */
  async next(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    try {
      const next = await this.results.next();
      if (next.done !== true) this.#recordResult();
      return next;
    } catch (error) {
      const code = error instanceof GatewayError ? error.extensions.code : 'INTERNAL_SERVER_ERROR';
      this.record.operationResult = { operation: this.record.operationResult?.operation, code };
      throw error;
    }
  }

  /** Unsubscribes: `next` resolves to no result. */
  return(): void {
    void this.results.return();
  }

  #recordResult(): void {
    this.events++;
    const { disclosed } = this.results;
    logDisclosure(this.record, disclosed);
    this.observer.onDisclosed(disclosed);
  }
}

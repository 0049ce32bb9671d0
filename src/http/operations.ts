import type { Viewer } from '../auth/viewer.js';
import type {
  Context,
  OperationRequest,
  OperationResult,
  StreamRequest,
} from '../graphql/context.js';
import type { LoadShedder } from './load-shedder.js';
import type { OperationRecord } from './requests.js';

export type CreateContext = (viewer: Viewer, request: OperationRequest) => Context;

/** What a transport knows about an operation of its client. */
interface Operation<Response> {
  readonly viewer: Viewer;
  /** Null for a transport without subscriptions. */
  readonly stream: StreamRequest | null;
  /** Receives the result and the disclosed files, for the log. */
  readonly record: OperationRecord;
  /** Registers what follows when the client disconnects before the response. */
  readonly onDisconnect: (callback: () => void) => void;
  readonly execute: (context: Context) => Promise<Response>;
  /** The response of a gateway that is overloaded. */
  readonly onRejected: () => Response;
  /** For the trace, once the operation has ended. */
  readonly result: () => OperationResult;
}

export type RunOperation = <Response>(operation: Operation<Response>) => Promise<Response>;

/** Returns the one way of operations, whatever their transport, once the client is authenticated. */
export function createOperationRunner(
  loadShedder: LoadShedder,
  createContext: CreateContext,
): RunOperation {
  return ({ viewer, stream, record, onDisconnect, execute, onRejected, result }) => {
    const { organization } = viewer;
    const executeInContext = () => {
      const onOperationResult: Context['onOperationResult'] = (result) => {
        record.operationResult = result;
      };
      const context = createContext(viewer, { requestId: record.id, onOperationResult, stream });
      // A flag: queries outlive their request, and must not keep its socket from being collected.
      onDisconnect(() => {
        context.queries.abandon();
      });
      record.disclosed = context.links.disclosed;
      return execute(context);
    };
    const run = () =>
      loadShedder.run(executeInContext, { organization, onRejected, onQueued: onDisconnect });
    return record.traced === null ? run() : record.traced.runOperation(run, result);
  };
}

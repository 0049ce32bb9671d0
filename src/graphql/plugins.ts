import type { ApolloServerPlugin } from '@apollo/server';
import type { OperationDefinitionNode } from 'graphql';

import type { Context, OperationResult } from './context.js';
import { recordRequestId } from './format-error.js';

/** In characters. Clients choose operation names, which may have any length. */
const MAX_OPERATION_NAME_LENGTH = 80;

/** What the log, the metrics and the trace tell of an operation. */
export function reportedOperation({ operation, name }: OperationDefinitionNode) {
  return { type: operation, name: name?.value.slice(0, MAX_OPERATION_NAME_LENGTH) ?? null };
}

/** Reports the result of each operation, and records the request id of each error for the log. */
export const operationMetrics: ApolloServerPlugin<Context> = {
  async requestDidStart({ contextValue: { onOperationResult, requestId } }) {
    let reported: OperationResult['operation'];
    return {
      async didEncounterErrors({ errors }) {
        for (const error of errors) recordRequestId(error, requestId);
      },
      // Before execution, because the client may disconnect during it.
      async didResolveOperation({ operation }) {
        reported = operation && reportedOperation(operation);
        onOperationResult({ operation: reported, code: null });
      },
      async willSendResponse({ response: { body } }) {
        const [error] = (body.kind === 'single' && body.singleResult.errors) || [];
        const code = error === undefined ? null : String(error.extensions?.['code']);
        onOperationResult({ operation: reported, code });
      },
    };
  },
};

/** Lets browsers cache a response to GET unless it is an error or discloses files. */
export const conditionalResponses: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ request, response: { http, body }, contextValue }) {
      const succeeded = body.kind === 'single' && body.singleResult.errors === undefined;
      const { links, previews } = contextValue.links.disclosed;
      const disclosesFiles = links.length + previews.length > 0;
      const cacheable = request.http?.method === 'GET' && succeeded && !disclosesFiles;
      // Always set, because Apollo makes the error for an unknown persisted query cacheable.
      http.headers.set('cache-control', cacheable ? 'private, no-cache' : 'private, no-store');
    },
  }),
};

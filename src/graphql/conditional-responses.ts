import type { ApolloServerPlugin } from '@apollo/server';

import type { Context } from './context.js';

/**
 * Lets a browser keep the answer to a GET, if it asks each time whether that still holds: so nobody is shown an answer older than
 * his question, and an unchanged one is not sent again. Answers with links are never kept, for they work for whoever holds
 * them; nor are errors, which pass.
 */
export const conditionalResponses: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async willSendResponse({ request, response: { http, body }, contextValue }) {
        const isWhole = body.kind === 'single' && body.singleResult.errors === undefined;
        const mayBeKept = request.http?.method === 'GET' && isWhole && !contextValue.holdsLinks();
        // In any case, for Apollo lets browsers keep that it does not know a persisted query.
        http.headers.set('cache-control', mayBeKept ? 'private, no-cache' : 'private, no-store');
      },
    };
  },
};

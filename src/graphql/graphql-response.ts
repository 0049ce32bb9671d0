import { HeaderMap, type GraphQLResponse, type HTTPGraphQLHead } from '@apollo/server';
import { GraphQLError, type ExecutionResult, type FormattedExecutionResult } from 'graphql';

import { GatewayError } from '../errors.js';
import { recordRequestId, type FormatError } from './format-error.js';

/** The result of an execution; graphql-jit's errors are not GraphQLErrors. */
export type RawResult = Pick<ExecutionResult, 'data'> & { readonly errors?: readonly Error[] };

/** Formats errors and collects their HTTP status and headers, as Apollo does after execution. */
export function toGraphQLResponse(
  { data, errors }: RawResult,
  { formatError, requestId }: { formatError: FormatError; requestId: string },
): GraphQLResponse & { body: { singleResult: FormattedExecutionResult } } {
  const http: HTTPGraphQLHead = { headers: new HeaderMap() };
  if (data === undefined) http.status = 500;
  const formatted = errors?.map((each) => {
    const error = toGraphQLError(each);
    recordRequestId(error, requestId);
    const { http: head, ...extensions } = error.extensions as Partial<GatewayError['extensions']>;
    if (head) http.status = head.status;
    // An error before a stream has no data, and is the client's where it is deliberate.
    else if (data === undefined && error.originalError instanceof GatewayError) http.status = 400;
    for (const [name, value] of head?.headers ?? []) http.headers.set(name, value);
    const code = extensions.code ?? 'INTERNAL_SERVER_ERROR';
    return formatError({ ...error.toJSON(), extensions: { ...extensions, code } }, error);
  });
  const singleResult = { data, errors: formatted } as FormattedExecutionResult;
  return { http, body: { kind: 'single', singleResult } };
}

/** The body of a response as Apollo Server sends it. */
export function toResponseText({ errors, data }: FormattedExecutionResult): string {
  return `${JSON.stringify({ errors, data })}\n`;
}

/** Errors of graphql-jit lack the extensions of their cause. */
function toGraphQLError(error: Error & Partial<GraphQLError>): GraphQLError {
  const { message, path = null, locations, originalError } = error;
  const options = { path, originalError: originalError ?? error };
  return Object.assign(new GraphQLError(message, options), { locations });
}

/** An error that a response reports on purpose; others are masked (graphql/format-error.ts). */
export abstract class GatewayError extends Error {
  protected constructor(
    /** graphql-js copies these into the response. Apollo applies `http` and removes it. */
    readonly extensions: Extensions,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

interface Extensions {
  readonly code: string;
  readonly argument?: string;
  readonly retryAfter?: number;
  readonly http?: HttpHead;
}

/** The names of headers are in lower case. */
type HttpHead = { readonly status: number; readonly headers?: ReadonlyMap<string, string> };

/** An argument that is well-typed but cannot be served. The message starts with its name. */
export class BadUserInputError extends GatewayError {
  constructor(argument: string, problem: string) {
    super({ code: 'BAD_USER_INPUT', argument }, `${argument} ${problem}`);
  }
}

abstract class UnavailableError extends GatewayError {
  constructor(problem: string, options?: ErrorOptions) {
    const http = { status: 503, headers: new Map([['retry-after', '1']]) };
    const extensions = { code: 'SERVICE_UNAVAILABLE', http };
    super(extensions, `${problem} Try again in a moment.`, options);
  }
}

/** The database cannot be reached or is too slow. HTTP 503. */
export class ServiceUnavailableError extends UnavailableError {
  constructor(options: ErrorOptions) {
    super('The exports cannot be read right now.', options);
  }
}

/** No API key can be looked up. HTTP 503. */
export class ApiKeysUnavailableError extends UnavailableError {
  constructor(options: ErrorOptions) {
    super('API keys cannot be looked up right now.', options);
  }
}

/** The keys that verify tokens are not known and cannot be fetched. HTTP 503. */
export class KeySetUnavailableError extends UnavailableError {
  constructor(options: ErrorOptions) {
    super('The keys of the token issuer (JWKS) cannot be loaded right now.', options);
  }
}

/** There are no valid credentials to sign links with. HTTP 503. */
export class LinksUnavailableError extends UnavailableError {
  constructor(options: ErrorOptions) {
    super(
      'The credentials of the bucket cannot be loaded right now: links cannot be signed.',
      options,
    );
  }
}

/** A file cannot be read for a preview. It fails this field alone, so the response is HTTP 200. */
export class PreviewUnavailableError extends GatewayError {
  constructor(options?: ErrorOptions) {
    const message = 'The file cannot be read right now. Try again in a moment.';
    super({ code: 'SERVICE_UNAVAILABLE' }, message, options);
  }
}

/** The client disconnected while its request still had queries to run. No response contains it. */
export class RequestAbandonedError extends UnavailableError {
  constructor() {
    super('The client disconnected.');
  }
}

/** The gateway receives more requests than it can serve in time. HTTP 503. */
export class OverloadedError extends UnavailableError {
  constructor() {
    super('The gateway is overloaded.');
  }
}

/** The gateway ends: its clients reconnect to another one. HTTP 503. */
export class GatewayClosingError extends UnavailableError {
  constructor() {
    super('The gateway is closing.');
  }
}

/** The subscriptions of the gateway, or those of an organization, are as many as it serves. HTTP 503. */
export class TooManySubscriptionsError extends UnavailableError {
  constructor(limit: string) {
    super(`${limit} (LIVE_MAX_SUBSCRIPTIONS): end one, or use another gateway.`);
  }
}

/** A subscription has more exports to emit than it may hold: its client reads too slowly. */
export class StreamOverflowError extends UnavailableError {
  constructor() {
    super('The client reads its subscription too slowly.');
  }
}

/** Why a client is not authenticated, as a label of a metric. */
export type AuthenticationFailure = (typeof authenticationFailures)[number];
export const authenticationFailures = [
  'no_credentials',
  'malformed',
  'ambiguous',
  'key_unknown',
  'key_revoked',
  'key_expired',
  'token_invalid',
  'token_expired',
  'token_claims',
  'tokens_off',
] as const;

/**
 * The credentials are missing or not valid; only the log contains the cause. HTTP 401. Clients of
 * OAuth renew a token that they sent on `invalid_token` (RFC 6750).
 */
export class UnauthenticatedError extends GatewayError {
  constructor(
    readonly failure: AuthenticationFailure,
    cause: string,
    message = 'Valid credentials are needed: an X-API-Key header or a bearer token.',
  ) {
    const hasToken = failure.startsWith('token') || failure === 'ambiguous';
    const challenge = hasToken ? 'Bearer error="invalid_token"' : 'Bearer';
    const http = { status: 401, headers: new Map([['www-authenticate', challenge]]) };
    super({ code: 'UNAUTHENTICATED', http }, message, { cause });
  }
}

/** A file that the viewer may not read. It fails the field of its link or preview alone. */
export class ForbiddenError extends GatewayError {
  constructor() {
    const problem = 'These credentials do not allow links to files and previews.';
    const remedy = 'Use an API key that can read files, or a token with the scope for files.';
    super({ code: 'FORBIDDEN' }, `${problem} ${remedy}`);
  }
}

/** A query exceeds the limit of this name. HTTP 400. */
export class QueryTooComplexError extends GatewayError {
  constructor(
    readonly limit: string,
    problem: string,
  ) {
    super({ code: 'QUERY_TOO_COMPLEX', http: { status: 400 } }, problem);
  }
}

/** A query exceeds the budget of its organization; `retryAfter` is in seconds. HTTP 429. */
export class RateLimitedError extends GatewayError {
  constructor(retryAfter: number, problem: string) {
    const http = { status: 429, headers: new Map([['retry-after', String(retryAfter)]]) };
    super({ code: 'RATE_LIMITED', retryAfter, http }, problem);
  }
}

/** A subscription by a request that takes one response. HTTP 400. */
export class StreamRequiredError extends GatewayError {
  constructor() {
    const message =
      'A subscription needs a stream: send Accept: text/event-stream or multipart/mixed; ' +
      'subscriptionSpec=1.0, or connect by WebSocket with the protocol graphql-transport-ws.';
    super({ code: 'BAD_REQUEST', http: { status: 400 } }, message);
  }
}

/** An operation that is not among the trusted documents. HTTP 400. */
export class PersistedQueryNotInListError extends GatewayError {
  constructor() {
    const message =
      'This gateway runs only trusted documents, and this operation is not one of them: ' +
      'add it to the manifest of the gateway.';
    super({ code: 'PERSISTED_QUERY_NOT_IN_LIST', http: { status: 400 } }, message);
  }
}

/** Lists what prevents a start and what to change. The operator sees it without a stack. */
export class StartupError extends Error {
  constructor(
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(problems.join('\n'), options);
    this.name = 'StartupError';
  }
}

/** The code of an error of Node or of a driver, such as ENOENT or ER_NO_SUCH_TABLE. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** JavaScript allows any value to be thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Every error the gateway answers on purpose. Each class fixes its code; whatever is not one of these is a defect
 * and reaches the client masked (see graphql/format-error.ts).
 */
export abstract class GatewayError extends Error {
  /**
   * graphql-js copies `extensions` of a thrown error into the answer; Apollo takes the HTTP status from
   * `extensions.http` and removes it there. So the error needs to know neither of them.
   */
  readonly extensions: { readonly code: string; readonly http?: HttpForm };

  protected constructor(
    code: string,
    message: string,
    { status, headers, ...options }: ErrorOptions & Partial<HttpForm>,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.extensions =
      status === undefined ? { code } : { code, http: { status, ...(headers && { headers }) } };
  }
}

/** What an answer looks like in HTTP whose error this is. */
interface HttpForm {
  readonly status: number;
  /** By lower-case names. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** Try again, but not at once. */
const UNAVAILABLE: HttpForm = { status: 503, headers: new Map([['retry-after', '1']]) };

/** An argument that is well-typed but cannot be served. The message starts with the argument's name. */
export class BadUserInputError extends GatewayError {
  constructor(argument: string, problem: string) {
    super('BAD_USER_INPUT', `${argument} ${problem}`, {});
  }
}

/** The database cannot be reached or does not answer in time: worth asking again later. HTTP 503. */
export class ServiceUnavailableError extends GatewayError {
  constructor(options: ErrorOptions) {
    super('SERVICE_UNAVAILABLE', 'The exports cannot be read right now. Try again in a moment.', {
      ...options,
      ...UNAVAILABLE,
    });
  }
}

/** The storage gives no credentials to sign links with right now: worth asking again later. HTTP 503. */
export class LinksUnavailableError extends GatewayError {
  constructor(options: ErrorOptions) {
    super('SERVICE_UNAVAILABLE', 'Links cannot be signed right now. Try again in a moment.', {
      ...options,
      ...UNAVAILABLE,
    });
  }
}

/** More is asked of the gateway than it can answer in good time: worth asking again later, or elsewhere. HTTP 503. */
export class OverloadedError extends GatewayError {
  constructor() {
    super('SERVICE_UNAVAILABLE', 'Too much is asked at once. Try again in a moment.', UNAVAILABLE);
  }
}

/** Nobody is known by the credentials of a request. The answer is the same whatever the cause; the cause is for the log. */
export class UnauthenticatedError extends GatewayError {
  constructor(cause: string) {
    super(
      'UNAUTHENTICATED',
      'Valid credentials are needed: an X-API-Key header or a bearer token.',
      {
        cause,
        status: 401,
      },
    );
  }
}

/** A query costs more than the gateway gives one request. HTTP 400. */
export class QueryTooComplexError extends GatewayError {
  /** `limit` is the name of the one that would be passed. */
  constructor(
    readonly limit: string,
    problem: string,
  ) {
    super('QUERY_TOO_COMPLEX', problem, { status: 400 });
  }
}

/**
 * The gateway cannot start as it is set up: shown to the operator in words of what to change, without a stack.
 * Never part of an answer.
 */
export class StartupError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.name = 'StartupError';
    this.problems = problems;
  }
}

/** The code by which Node and the drivers tell their errors apart, such as ENOENT or ER_NO_SUCH_TABLE. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What was thrown, as an error: JavaScript lets anything be thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Every error that a response reports on purpose. Each class fixes its code. Any other error is a defect, and reaches the
 * client masked (see graphql/format-error.ts).
 */
export abstract class GatewayError extends Error {
  /** graphql-js copies these into the response. Apollo takes the HTTP status and headers from `http` and removes it. */
  readonly extensions: { readonly code: string; readonly http?: HttpForm };

  protected constructor(code: string, message: string, http?: HttpForm, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.extensions = http === undefined ? { code } : { code, http };
  }
}

/** The HTTP form of a response with such an error. */
interface HttpForm {
  readonly status: number;
  /** By lower-case names. */
  readonly headers?: ReadonlyMap<string, string>;
}

const UNAVAILABLE: HttpForm = { status: 503, headers: new Map([['retry-after', '1']]) };
const UNAUTHENTICATED: HttpForm = {
  status: 401,
  headers: new Map([['www-authenticate', 'Bearer']]),
};

/** An argument that is well-typed but cannot be served. The message starts with the argument's name. */
export class BadUserInputError extends GatewayError {
  constructor(argument: string, problem: string) {
    super('BAD_USER_INPUT', `${argument} ${problem}`);
  }
}

/** The database cannot be reached or is too slow. HTTP 503. */
export class ServiceUnavailableError extends GatewayError {
  constructor(options: ErrorOptions) {
    const message = 'The exports cannot be read right now. Try again in a moment.';
    super('SERVICE_UNAVAILABLE', message, UNAVAILABLE, options);
  }
}

/** The storage has no credentials to sign links with. HTTP 503. */
export class LinksUnavailableError extends GatewayError {
  constructor(options: ErrorOptions) {
    const message = 'Links cannot be signed right now. Try again in a moment.';
    super('SERVICE_UNAVAILABLE', message, UNAVAILABLE, options);
  }
}

/** The gateway receives more requests than it can serve in time. HTTP 503. */
export class OverloadedError extends GatewayError {
  constructor() {
    const message = 'The gateway is overloaded. Try again in a moment.';
    super('SERVICE_UNAVAILABLE', message, UNAVAILABLE);
  }
}

/** The credentials are missing or not valid. The response is the same for every cause; only the log has it. HTTP 401. */
export class UnauthenticatedError extends GatewayError {
  constructor(cause: string) {
    const message = 'Valid credentials are needed: an X-API-Key header or a bearer token.';
    super('UNAUTHENTICATED', message, UNAUTHENTICATED, { cause });
  }
}

/** A query exceeds a limit. HTTP 400. */
export class QueryTooComplexError extends GatewayError {
  constructor(
    /** The name of the exceeded limit. */
    readonly limit: string,
    problem: string,
  ) {
    super('QUERY_TOO_COMPLEX', problem, { status: 400 });
  }
}

/** The gateway or a command cannot start with its configuration. The operator sees the problems without a stack. */
export class StartupError extends Error {
  constructor(
    /** Sentences that say what is wrong and what to change. */
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(problems.join('\n'), options);
    this.name = 'StartupError';
  }
}

/** The code of an error of Node or of a driver, such as ENOENT or ER_NO_SUCH_TABLE. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** JavaScript allows any value to be thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The authenticated client of a request. Its organization determines what it may read. */
export interface Viewer {
  readonly organization: string;
}

/** The headers of a request, with names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Returns the viewer of a request. Throws UnauthenticatedError for invalid credentials. */
export type Authenticate = (headers: RequestHeaders) => Promise<Viewer>;

/** The authenticated client of a request, and what it may read. */
export interface Viewer {
  /** The API key's id or the token's `sub`; null with AUTH=off and for tokens without a `sub`. */
  readonly id: string | null;
  readonly organization: string;
  /** Only the organization's exports that this requester asked for, never empty; null: all. */
  readonly onlyRequestedBy: string | null;
  /** Whether it gets links to files. */
  readonly canReadFiles: boolean;
}

/** The headers of a request, with names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Returns the viewer of a request. Throws UnauthenticatedError for invalid credentials. */
export type Authenticate = (headers: RequestHeaders) => Promise<Viewer>;

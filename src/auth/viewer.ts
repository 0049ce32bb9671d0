/** The authenticated client of a request, and what it may read. */
export interface Viewer {
  /** The API key's id or the token's `sub`; null with AUTH=off and for tokens without a `sub`. */
  readonly id: string | null;
  readonly organization: string;
  /** Only the organization's exports that this requester asked for, never empty; null: all. */
  readonly onlyRequestedBy: string | null;
  /** The requester that its credentials name, never empty; null: none. */
  readonly requester: string | null;
  /** Whether it gets links to files. */
  readonly canReadFiles: boolean;
  /** When the credentials expire, in milliseconds since 1970; Infinity: not by themselves. */
  readonly expiresAt: number;
  /**
   * Throws UnauthenticatedError once the credentials have expired, are revoked or have other rights,
   * and an error of HTTP 503 while this cannot be known.
   */
  readonly revalidate: () => Promise<void>;
}

/** What never expires needs no check. */
export const alwaysValid: Pick<Viewer, 'expiresAt' | 'revalidate'> = {
  expiresAt: Infinity,
  revalidate: () => Promise.resolve(),
};

/** The headers of a request, with names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Returns the viewer of a request. Throws UnauthenticatedError for invalid credentials. */
export type Authenticate = (headers: RequestHeaders) => Promise<Viewer>;

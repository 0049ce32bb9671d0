/** Who asks, as far as it decides what he may see. */
export interface Viewer {
  readonly organization: string;
}

/** The headers of a request, names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Tells who sent a request. Throws UnauthenticatedError when it is nobody who may ask. */
export type Authenticate = (headers: RequestHeaders) => Promise<Viewer>;

/** No authentication: everyone who reaches the gateway sees the exports of one organization. */
export function fixedViewer(organization: string): Authenticate {
  const viewer: Viewer = { organization };
  return () => Promise.resolve(viewer);
}

/** The part of an OAuth token response that the page needs. `expires_in` is in seconds. */
interface TokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
}

/** The page's own back end issues no token: the user has to sign in. */
export class SignInNeeded extends Error {
  constructor() {
    super('Sign in to see your exports.');
  }
}

let current: { readonly token: Promise<string>; renewAt: number } | null = null;

/** An access token that is valid now. Throws SignInNeeded. */
export function accessToken(): Promise<string> {
  if (current !== null && performance.now() < current.renewAt) return current.token;
  const requested = { token: requestToken(), renewAt: Infinity };
  current = requested;
  requested.token.catch(() => {
    // The user may have signed in meanwhile.
    if (current === requested) discardToken();
  });
  return requested.token;

  async function requestToken(): Promise<string> {
    const response = await fetch('/token', { method: 'POST' });
    if (response.status === 401) throw new SignInNeeded();
    if (!response.ok) throw new Error(`The server of this page responds with ${response.status}.`);
    const { access_token: token, expires_in: seconds } = (await response.json()) as TokenResponse;
    // Early enough for a request that is sent now, and for clocks that differ a little.
    requested.renewAt = performance.now() + seconds * 800;
    return token;
  }
}

/** The gateway has rejected the token, so the next request needs another. */
export function discardToken(): void {
  current = null;
}

/** Uses a token that the user has typed, until the gateway rejects it. */
export function signIn(token: string): void {
  current = { token: Promise.resolve(token), renewAt: Infinity };
}

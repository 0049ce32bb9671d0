import { isIP } from 'node:net';

/** Names of this machine that a browser never asks a name server for. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

interface OriginsConfig {
  readonly publicUrl: string | null;
  readonly corsOrigins: readonly string[];
  readonly auth: { readonly kind: 'required' | 'off' };
}

/**
 * Whether the pages of an origin may open streams. Browsers keep the responses of other gateways from
 * a page by CORS, but open a WebSocket for any page. `port` is the one that the server listens on.
 */
export function createOriginCheck(
  { publicUrl, corsOrigins, auth }: OriginsConfig,
  port: () => number,
): (origin: string, host: string | undefined) => boolean {
  let own: ReadonlySet<string> | undefined;
  return (origin, host) => {
    own ??= new Set([
      ...corsOrigins,
      ...[publicUrl ?? [], LOOPBACK_NAMES.map((name) => `http://${name}:${port()}`)]
        .flat()
        .map((url) => new URL(url).origin),
    ]);
    // Without authentication, a page whose name an attacker points at the gateway could read it.
    return own.has(origin) || (auth.kind === 'required' && isOriginOf(origin, host));
  };
}

/** Whether the gateway is reached at this origin, as far as it knows: a proxy may end TLS. */
export function isOriginOf(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/**
 * Whether a `Host` header is a name that an attacker may have pointed at this machine (DNS rebinding),
 * so that pages of that name reach the gateway as their own server.
 */
export function isForeignHost(host: string, publicUrl: string | null): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (LOOPBACK_NAMES.includes(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return false;
  return publicUrl === null || name !== new URL(publicUrl).hostname;
}

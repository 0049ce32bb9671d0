import type { RequestHeaders } from '../auth/viewer.js';
import { UnauthenticatedError } from '../errors.js';

const NAMES = ['x-api-key', 'authorization'];

/**
 * The credentials of a WebSocket: those of the upgrade request, and those that the client sends as
 * `connectionParams`, because browsers cannot set headers. Throws UnauthenticatedError where both
 * have the same name and another value: the two may see different exports.
 */
export function webSocketCredentials(
  headers: RequestHeaders,
  parameters: Readonly<Record<string, unknown>>,
): RequestHeaders {
  const credentials: Record<string, string | string[] | undefined> = {};
  for (const name of NAMES) credentials[name] = headers[name];
  const given = new Set<string>();
  for (const [parameter, value] of Object.entries(parameters)) {
    const name = parameter.toLowerCase();
    if (!NAMES.includes(name) || value == null) continue;
    if (typeof value !== 'string' || given.has(name)) {
      throw new UnauthenticatedError('malformed', `${name} of connectionParams is not one text`);
    }
    given.add(name);
    const header = credentials[name];
    if (header !== undefined && header !== value && !isOfProxy(name, header)) {
      const advice = `Send ${name} by the header or by connectionParams: their values differ.`;
      throw new UnauthenticatedError('ambiguous', `two values of ${name}`, advice);
    }
    credentials[name] = value;
  }
  return credentials;
}

/** Whether a proxy in front may have asked for the header: the gateway takes bearer tokens only. */
function isOfProxy(name: string, header: string | string[]): boolean {
  return name === 'authorization' && !/^Bearer /i.test(String(header));
}

import { createPublicKey, type KeyObject } from 'node:crypto';

import { z } from 'zod';

import { crossField, isLoopback, parseHttpUrl, reject } from './settings.js';

const KEY_NAMES = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWT_JWKS_URL'] as const;
const JWT_NAMES = [
  ...KEY_NAMES,
  ...(['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_ORGANIZATION_CLAIM'] as const),
  ...(['JWT_REQUESTER_CLAIM', 'JWT_ALL_EXPORTS_SCOPE', 'JWT_FILES_SCOPE'] as const),
];

const publicKey = z.string().transform((text, context) => {
  try {
    // Many deployments write a PEM on a single line, with a literal `\n` for each line break.
    const key = createPublicKey(text.replaceAll('\\n', '\n'));
    const algorithm = signatureAlgorithm(key);
    // Node accepts a private key and derives the public one, but the gateway must not hold it.
    if (algorithm !== null && !text.includes('PRIVATE KEY')) return { publicKey: key, algorithm };
  } catch {
    // The message below also covers a key that Node cannot parse.
  }
  const kinds = 'RSA of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519';
  return reject(context, `must be a public key in PEM form: ${kinds}`);
});

const jwksUrl = z.string().refine((text) => {
  const url = parseHttpUrl(text);
  return url?.protocol === 'https:' || (url !== null && isLoopback(url.hostname));
}, 'must be an https URL: over plain http an attacker can replace the keys');

const scope = z.string().regex(/^[\x21-\x7e]+$/, 'must be one scope, without spaces');

const settings = z.object({
  AUTH: z.enum(['required', 'off'], 'must be required or off').optional(),
  ORGANIZATION: z
    .string()
    .refine(isOrganizationId, 'must be 1 to 64 ASCII characters without spaces')
    .default('org_demo'),
  JWT_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  JWT_PUBLIC_KEY: publicKey.optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ORGANIZATION_CLAIM: z.string().optional(),
  JWT_REQUESTER_CLAIM: z.string().optional(),
  JWT_ALL_EXPORTS_SCOPE: scope.optional(),
  JWT_FILES_SCOPE: scope.optional(),
  DATABASE_URL: z.unknown().optional(),
  HOST: z.string().default('127.0.0.1'),
});
type Settings = z.output<typeof settings>;

export const authSettings = settings
  .superRefine((given, context) => {
    const keys = KEY_NAMES.filter((name) => given[name] !== undefined);
    const names = JWT_NAMES.filter((name) => given[name] !== undefined);
    const subject = names.join(' and ');
    if (keys.length > 1) {
      reject(context, `${keys.join(' and ')} exclude each other: set one of them`);
    }
    if (names.length > 0 && isAuthOff(given)) {
      reject(context, `${subject} would check nothing, because AUTH is off: set AUTH=required`);
    } else if (names.length > 0 && keys.length === 0) {
      reject(context, `${subject} would check nothing: set one of ${KEY_NAMES.join(', ')}`);
    }
    const { JWT_REQUESTER_CLAIM: requester, JWT_ALL_EXPORTS_SCOPE: all } = given;
    if (all !== undefined && requester === undefined) {
      reject(
        context,
        'JWT_ALL_EXPORTS_SCOPE needs JWT_REQUESTER_CLAIM: without it all tokens see all',
      );
    }
  }, crossField)
  .transform((given) => {
    if (isAuthOff(given)) return { kind: 'off' as const, organization: given.ORGANIZATION };
    const key = tokenKey(given);
    const jwt = key && {
      key,
      issuer: given.JWT_ISSUER ?? null,
      audience: given.JWT_AUDIENCE ?? null,
      organizationClaim: given.JWT_ORGANIZATION_CLAIM ?? 'org_id',
      requesterClaim: given.JWT_REQUESTER_CLAIM ?? null,
      allExportsScope: given.JWT_ALL_EXPORTS_SCOPE ?? null,
      filesScope: given.JWT_FILES_SCOPE ?? null,
    };
    return { kind: 'required' as const, jwt };
  });

export type AuthConfig = z.output<typeof authSettings>;
/** How tokens are verified, and what they allow. Null: not checked, or not restricted. */
export type JwtConfig = NonNullable<Extract<AuthConfig, { kind: 'required' }>['jwt']>;

/** Whether a value can be an organization's id. To MySQL, other values such as `a ` equal `a`. */
export function isOrganizationId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value);
}

/** Authentication is off by default only for an embedded gateway that listens on loopback. */
function isAuthOff({ AUTH, DATABASE_URL, HOST }: Settings): boolean {
  return AUTH === undefined ? DATABASE_URL === undefined && isLoopback(HOST) : AUTH === 'off';
}

/** The key that verifies tokens; null when none is set. */
function tokenKey({ JWT_SECRET: secret, JWT_PUBLIC_KEY: pem, JWT_JWKS_URL: url }: Settings) {
  if (secret !== undefined) return { kind: 'secret' as const, secret };
  if (pem !== undefined) return { kind: 'public' as const, ...pem };
  return url === undefined ? null : { kind: 'jwks' as const, url };
}

/** The one algorithm that tokens of this key must use; null for a key that cannot verify tokens. */
function signatureAlgorithm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | null {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') return modulusLength >= 2048 ? 'RS256' : null;
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  const curves = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
  return new Map(Object.entries(curves)).get(namedCurve) ?? null;
}

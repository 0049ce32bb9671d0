type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads a claim by its literal name, or else by a dotted path such as `realm.tenant`. A number, a
 * list of one and the key of an object with one key count as the value, because identity providers
 * differ. Undefined for any other value.
 */
export function readClaim(claims: Claims, name: string): string | undefined {
  const claim = Object.hasOwn(claims, name) ? claims[name] : valueAt(claims, name.split('.'));
  const [value, ...others] = Array.isArray(claim) ? (claim as unknown[]) : [claim];
  if (others.length > 0) return undefined;
  if (typeof value === 'string') return value;
  // A larger number has lost digits, so it may be the number of another organization.
  if (Number.isSafeInteger(value)) return String(value);
  const [key, ...otherKeys] = isObject(value) ? Object.keys(value) : [];
  return otherKeys.length > 0 ? undefined : key;
}

/** Whether `scope` or `scp`, texts with spaces or lists, contains a scope. */
export function hasScope({ scope, scp }: Claims, name: string): boolean {
  return [scope, scp].some((granted) => {
    const scopes: unknown = typeof granted === 'string' ? granted.split(' ') : granted;
    return Array.isArray(scopes) && scopes.includes(name);
  });
}

function valueAt(claims: Claims, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), claims);
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

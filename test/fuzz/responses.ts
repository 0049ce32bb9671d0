export interface GraphqlResponse {
  readonly status: number;
  readonly text: string;
}

type Path = readonly (string | number)[];
type Errors = readonly { readonly path?: Path; readonly extensions?: { readonly code?: string } }[];

/** The code of each error, `none` for an error without one. Throws when the text is no response. */
export function errorCodes({ text }: GraphqlResponse): string[] {
  const { data, errors } = JSON.parse(text) as { data?: unknown; errors?: Errors };
  if (data === undefined && errors === undefined) throw new Error('Neither data nor errors');
  return (errors ?? []).map(({ extensions }) => extensions?.code ?? 'none');
}

/**
 * What repeated requests have in common: all but the expiry of links, which is in whole seconds, and
 * the order of errors. Where errors null more than their own fields, graphql-js reports the first
 * and a compiled operation all, as the specification allows; so only the place counts.
 */
export function comparable({ status, text }: GraphqlResponse): string {
  const stable = text
    .replace(/expires=\d+&signature=[\w-]+/g, 'expires=…')
    .replace(/"\d{4}-\d\d-\d\dT[\d:]+\.000Z"/g, '"…"');
  const { data, errors = [] } = JSON.parse(stable) as { data?: unknown; errors?: Errors };
  const places = errors.map((error) => nulledAncestor(data, error.path) ?? JSON.stringify(error));
  return JSON.stringify({ status, data, errors: [...new Set(places)].sort() }, null, 2);
}

/** The path of the ancestor that is null in place of a field; null when the field itself is. */
function nulledAncestor(data: unknown, path: Path = []): string | null {
  let value = data;
  for (const [depth, key] of path.entries()) {
    if (value === null) return JSON.stringify(path.slice(0, depth));
    value = (value as Record<string | number, unknown> | undefined)?.[key];
  }
  return null;
}

import type { GraphqlRequest } from './documents.js';

/** How long an answer may take, in milliseconds, on a machine that has other things to do: longer than that, it hangs. */
const PATIENCE_MS = 20_000;

/** What came back for a request. */
export interface GraphqlAnswer {
  readonly status: number;
  readonly text: string;
}

type Path = readonly (string | number)[];

interface AnsweredError {
  readonly path?: Path;
  readonly extensions?: { readonly code?: string };
}

/** Throws when there is no answer in time. */
export async function postBody(origin: string, body: string): Promise<GraphqlAnswer> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return { status: response.status, text: await response.text() };
}

export function post(origin: string, request: GraphqlRequest): Promise<GraphqlAnswer> {
  return postBody(origin, JSON.stringify(request));
}

/** The codes of the errors of an answer, one for each. Throws when it is not one of GraphQL. */
export function errorCodes({ text }: GraphqlAnswer): string[] {
  const { data, errors } = parsed(text);
  if (data === undefined && errors === undefined) throw new Error('Neither data nor errors');
  return (errors ?? []).map(({ extensions }) => extensions?.code ?? 'none');
}

/**
 * What must be the same when the same is asked again: all but the time of links and the order of errors. Where an error takes
 * more than its own field with it, graphql-js stops at the first, and a compiled document tells of all of them; the
 * specification allows both. So of those only the place counts that they left empty.
 */
export function comparable({ status, text }: GraphqlAnswer): string {
  const { data, errors = [] } = parsed(
    text
      .replace(/expires=\d+&signature=[\w-]+/g, 'expires=…')
      .replace(/"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g, (all, time: string) =>
        isOfLink(time) ? '"…"' : all,
      ),
  );
  const emptied = errors.map(({ path }) => emptiedBy(data, path)).filter((place) => place !== null);
  const others = errors
    .filter(({ path }) => emptiedBy(data, path) === null)
    .map((error) => JSON.stringify(error))
    .sort();
  const places = [...new Set(emptied)].sort();
  return JSON.stringify({ status, data, errors: others, emptied: places }, null, 2);
}

/** What gateways have when nothing else is set. */
const LINK_LIFE_MS = 900_000;

/** Whether a time is that at which a link made just now stops working: its field may have any alias. */
function isOfLink(time: string): boolean {
  return Math.abs(Date.parse(time) - Date.now() - LINK_LIFE_MS) < 60_000;
}

function parsed(text: string): { data?: unknown; errors?: readonly AnsweredError[] } {
  return JSON.parse(text) as { data?: unknown; errors?: readonly AnsweredError[] };
}

/** The place above an error that is null because of it; null where it is the place of the error itself. */
function emptiedBy(data: unknown, path: Path | undefined): string | null {
  if (path === undefined || data === undefined) return null;
  let value: unknown = data;
  for (const [depth, key] of path.entries()) {
    if (value === null) return JSON.stringify(path.slice(0, depth));
    value = (value as Record<string | number, unknown>)[key];
  }
  return null;
}

import type { Complexity } from 'type-graphql';

// The costs of fields other than plain ones, which cost 1 (graphql/limits.ts sets the maximum of a
// request). They clamp arguments that are out of range, because the resolver rejects these.

export const MAX_LIMIT = 100;
export const MAX_IDS = 100;

/** The lookups of a request share one statement. */
export const lookupCost: Complexity = ({ childComplexity }) => 20 + childComplexity;

export const lookupsCost: Complexity = ({ args, childComplexity }) => {
  const { ids } = args as { ids: readonly string[] };
  return 20 + Math.min(ids.length, MAX_IDS) * Math.max(1, childComplexity);
};

/** Each list is a statement of its own, and repeats its selection for every possible export. */
export const listCost: Complexity = ({ args, childComplexity }) => {
  const limit = Math.min(Math.max(Number(args['limit']), 1), MAX_LIMIT);
  return 200 + limit * childComplexity;
};

/** A count is a statement of its own. `listCost` multiplies it by the limit. */
export const countCost: Complexity = 5;

/** A link is signed, after its file has been read. */
export const linkCost: Complexity = 5;

/** An export always has four files. */
export const filesCost: Complexity = ({ childComplexity }) => 1 + 4 * childComplexity;

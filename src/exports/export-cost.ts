import type { Complexity } from 'type-graphql';

/** How many exports a page may hold. */
export const MAX_LIMIT = 100;

/**
 * What fields cost, in units of one plain field of one object, where that is not 1. `src/graphql/limits.ts` says how much a
 * request may cost.
 */

/** How many exports one look-up by ids may ask for. */
export const MAX_IDS = 100;

/** A look-up by id: look-ups of one request share a statement. */
export const lookupCost: Complexity = ({ childComplexity }) => 20 + childComplexity;

/** A look-up of many: one statement, with the selection once for each of them; too many are for the resolver to refuse. */
export const lookupsCost: Complexity = ({ args, childComplexity }) => {
  const { ids } = args as { ids: readonly string[] };
  return 20 + Math.min(ids.length, MAX_IDS) * Math.max(1, childComplexity);
};

/**
 * A list is a statement of its own, with all of its selection once for every export it may hold; a limit out of range is
 * for the resolver to refuse.
 */
export const listCost: Complexity = ({ args, childComplexity }) => {
  const limit = Math.min(Math.max(Number(args['limit']), 1), MAX_LIMIT);
  return 200 + limit * childComplexity;
};

/** A count is a statement of its own, over rows that nobody gets to see. Times the limit, like all of a list. */
export const countCost: Complexity = 5;

/** A link is signed, and the files it is chosen from are read. */
export const linkCost: Complexity = 5;

/** There are always four. */
export const filesCost: Complexity = ({ childComplexity }) => 1 + 4 * childComplexity;

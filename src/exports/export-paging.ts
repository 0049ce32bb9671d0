import { BadUserInputError } from '../errors.js';
import type { ExportsArgs } from './export-args.js';
import { MAX_LIMIT } from './export-cost.js';
import { decodeCursor } from './export-cursor.js';
import type { ExportList } from './export-filter.js';
import type { ExportWindow } from './export-repository.js';

type PagingArgs = Pick<ExportsArgs, 'page' | 'limit' | 'first' | 'last' | 'after' | 'before'>;

/** Which page of a list a request reads. */
export interface Paging {
  readonly page: number;
  /** The maximum number of exports on the page. */
  readonly size: number;
  /** Cursors of other pages, between which and the end of the list the page lies. */
  readonly after: string | null;
  readonly before: string | null;
  /** Whether the page is found from its end: in front of `before`, or at the end of the list. */
  readonly isBackward: boolean;
}

const contradictions = [
  ['last', 'first'],
  ['before', 'first'],
  ['last', 'after'],
  ['before', 'after'],
] as const;

/** Throws BadUserInputError. */
export function readPaging(args: PagingArgs): Paging {
  const { page, limit } = args;
  const first = args.first ?? null;
  const last = args.last ?? null;
  // Forms without a cursor send an empty text.
  const after = args.after || null;
  const before = args.before || null;
  if (page < 1) throw new BadUserInputError('page', `must be 1 or more, not ${page}.`);
  for (const [argument, size] of Object.entries({ limit, first, last })) {
    if (size !== null && (size < 1 || size > MAX_LIMIT)) {
      throw new BadUserInputError(argument, `must be between 1 and ${MAX_LIMIT}, not ${size}.`);
    }
  }
  const given = { first, last, after, before };
  for (const [argument, other] of contradictions) {
    if (given[argument] !== null && given[other] !== null) {
      throw new BadUserInputError(argument, `must not stand beside ${other}: omit one of them.`);
    }
  }
  const isBackward = last !== null || before !== null;
  return { page, size: first ?? last ?? limit, after, before, isBackward };
}

/** The rows of a page, and one beyond it that shows whether more follow. Throws BadUserInputError. */
export function windowOf(paging: Paging, list: ExportList): ExportWindow {
  const { page, size, after, before, isBackward } = paging;
  const window = { isBackward, limit: size + 1 };
  if (after !== null) return { ...window, cursor: decodeCursor(after, list, 'after'), offset: 0 };
  if (before !== null)
    return { ...window, cursor: decodeCursor(before, list, 'before'), offset: 0 };
  return { ...window, offset: isBackward ? 0 : (page - 1) * size };
}

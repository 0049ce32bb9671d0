import { useSyncExternalStore } from 'react';

import type { ExportFilter, ExportResource, ExportStatus } from './gql/graphql.js';

/** What the page shows is in its URL: it survives a reload, and can be sent to a colleague. */
const NAVIGATED = 'popstate';

/** The parameters of the URL, and a function that changes them. */
export function useSearch(): [URLSearchParams, (search: URLSearchParams) => void] {
  const search = useSyncExternalStore(subscribe, () => location.search);
  return [new URLSearchParams(search), navigate];
}

function subscribe(onChange: () => void): () => void {
  addEventListener(NAVIGATED, onChange);
  return () => {
    removeEventListener(NAVIGATED, onChange);
  };
}

function navigate(search: URLSearchParams): void {
  history.pushState(null, '', `?${search.toString()}`);
  dispatchEvent(new Event(NAVIGATED));
}

/** A number of the page, counted from 1; null: the list scrolls without end. */
export function pageOf(search: URLSearchParams): number | null {
  return search.has('page') ? Number(search.get('page')) || 1 : null;
}

/** What a cleared form leaves empty does not filter. */
export function filterOf(search: URLSearchParams): ExportFilter {
  return {
    resources: search.getAll('resource') as ExportResource[],
    statuses: search.getAll('status') as ExportStatus[],
    search: search.get('search'),
    mine: search.has('mine'),
    isExpired: search.has('expired') ? true : null,
    createdAt: { gte: startOfDay(search.get('from'), 0), lt: startOfDay(search.get('to'), 1) },
  };
}

/** The first moment of a day of the user's time zone, or of a following one. */
function startOfDay(date: string | null, daysAfter: number): string | null {
  const [year = 0, month = 1, day = 0] = (date ?? '').split('-').map(Number);
  const start = new Date(year, month - 1, day + daysAfter);
  return date === null || Number.isNaN(start.getTime()) ? null : start.toISOString();
}

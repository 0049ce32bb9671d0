import type { MouseEvent } from 'react';

import { useSearch } from './search.js';

/** Each is a filter to begin with. */
const VIEWS = [
  ['All', ''],
  ['Mine', 'mine=1'],
  ['Failed', 'status=FAILED'],
  ['Timed out', 'status=TIMED_OUT'],
  ['Expired', 'expired=1'],
] as const;

export function Views() {
  const [search, navigate] = useSearch();
  const filter = new URLSearchParams(search);
  filter.delete('page');
  return (
    <nav aria-label="Views">
      {VIEWS.map(([title, view]) => (
        <a
          key={view}
          href={`?${view}`}
          aria-current={filter.toString() === view ? 'page' : undefined}
          onClick={(event) => {
            follow(event, () => {
              const target = new URLSearchParams(view);
              if (search.has('page')) target.set('page', '1');
              navigate(target);
            });
          }}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

/** Links to the first and last page and to those around the current one. */
export function Pages({ page, count }: { readonly page: number; readonly count: number }) {
  const [search, navigate] = useSearch();
  const numbers = [1, page - 1, page, page + 1, count].filter(
    (number, at, all) => number >= 1 && number <= count && all.indexOf(number) === at,
  );
  return (
    <nav aria-label="Pages">
      {numbers.map((number) => {
        const target = new URLSearchParams(search);
        target.set('page', String(number));
        return (
          <a
            key={number}
            href={`?${target.toString()}`}
            aria-current={number === page ? 'page' : undefined}
            aria-label={`Page ${number}`}
            onClick={(event) => {
              follow(event, () => {
                navigate(target);
              });
            }}
          >
            {number}
          </a>
        );
      })}
    </nav>
  );
}

/** Leaves to the browser what opens a link in another tab. */
function follow(event: MouseEvent, action: () => void): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  action();
}

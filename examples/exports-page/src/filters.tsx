import { useEffect, useEffectEvent, useState, type ChangeEvent } from 'react';

import type { CountsQuery } from './gql/graphql.js';
import { formatCount, RESOURCES, STATUSES } from './labels.js';
import { useSearch } from './search.js';

type Facets = NonNullable<CountsQuery['exports']>['facets'];

const TYPING_MS = 300;

/** The form of all filters. `facets` are null until they are counted. */
export function Filters({ facets }: { readonly facets: Facets | null }) {
  const [search, navigate] = useSearch();

  /** A filter with these values, from its first page. */
  function change(name: string, values: readonly string[]) {
    search.delete(name);
    for (const value of values) if (value !== '') search.append(name, value);
    if (search.has('page')) search.set('page', '1');
    navigate(search);
  }

  const field = (name: string) => ({
    name,
    value: search.get(name) ?? '',
    onChange: ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
      change(name, [currentTarget.value]);
    },
  });

  const checkboxes = (name: string, labels: Readonly<Record<string, string>>, counts: Counts) =>
    Object.entries(labels).map(([value, label]) => (
      <label key={value}>
        <input
          type="checkbox"
          checked={search.has(name, value)}
          onChange={({ currentTarget: { checked } }) => {
            const others = search.getAll(name).filter((each) => each !== value);
            change(name, checked ? [...others, value] : others);
          }}
        />
        {label}
        <output>{formatted(counts.get(value))}</output>
      </label>
    ));

  const resources = new Map(facets?.resources.map(({ resource, count }) => [resource, count]));
  const statuses = new Map(facets?.statuses.map(({ status, count }) => [status, count]));
  return (
    <form role="search" aria-label="Filters" className="filters">
      <SearchField
        text={search.get('search') ?? ''}
        onChange={(text) => {
          change('search', [text]);
        }}
      />
      <label>
        <input
          type="checkbox"
          checked={search.has('mine')}
          onChange={({ currentTarget: { checked } }) => {
            change('mine', checked ? ['1'] : []);
          }}
        />
        Only my exports
      </label>
      <fieldset>
        <legend>Status</legend>
        {checkboxes('status', STATUSES, statuses)}
      </fieldset>
      <fieldset>
        <legend>Resource</legend>
        {checkboxes('resource', RESOURCES, resources)}
      </fieldset>
      <fieldset>
        <legend>Created</legend>
        <label>
          From <input type="date" {...field('from')} />
        </label>
        <label>
          To <input type="date" {...field('to')} />
        </label>
      </fieldset>
    </form>
  );
}

type Counts = ReadonlyMap<string, number>;

function formatted(count: number | undefined): string {
  return count === undefined ? '…' : formatCount(count);
}

/** Shows the text of the URL, which follows what is typed after a pause: a search reads every name. */
function SearchField(props: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const change = useEffectEvent(props.onChange);
  useEffect(() => {
    if (typed === null) return undefined;
    const timer = setTimeout(() => {
      change(typed);
      setTyped(null);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed]);
  return (
    <label>
      Name contains
      <input
        type="search"
        value={typed ?? props.text}
        maxLength={200}
        onChange={({ currentTarget }) => {
          setTyped(currentTarget.value);
        }}
      />
    </label>
  );
}

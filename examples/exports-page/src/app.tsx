import { useQuery } from '@apollo/client/react';
import { useEffect, useEffectEvent, useRef, useState } from 'react';

import { COUNTS } from './documents.js';
import { ExportPanel } from './export-panel.js';
import { ExportsTable } from './exports-table.js';
import { Filters } from './filters.js';
import { formatCount } from './labels.js';
import { Pages, Views } from './navigation.js';
import { Problem } from './problem.js';
import { filterOf, pageOf, useSearch } from './search.js';
import { PAGE_SIZE, useExports } from './use-exports.js';
import { useLiveUpdates, withMoved } from './use-live-updates.js';

/** However many exports move, they are counted once in this time. */
const COUNT_MS = 1_000;

export function App() {
  const [search, navigate] = useSearch();
  const [openId, setOpenId] = useState<string | null>(null);
  const filter = filterOf(search);
  const page = pageOf(search);
  const list = useExports(filter, page);
  const counts = useQuery(COUNTS, { variables: { filter }, fetchPolicy: 'no-cache' });
  const { facets, pagination } = (counts.data ?? counts.previousData)?.exports ?? {};

  const countSoon = useThrottled(COUNT_MS, () => void counts.refetch().catch(() => undefined));
  const reload = () => {
    list.reload();
    countSoon();
  };
  const isConnected = useLiveUpdates(filter, {
    skip: !list.isCurrent,
    onMissed: reload,
    onMoved(changed) {
      countSoon();
      if (page !== null) list.reload();
      else
        list.updateQuery((_, { previousData, complete }) =>
          complete && previousData.exports
            ? { exports: withMoved(previousData.exports, changed, filter) }
            : undefined,
        );
    },
  });

  const { rows, error = counts.error, isLoading } = list;
  return (
    <>
      <header>
        <h1>Exports</h1>
        <Views />
        <p role="status" className="live" data-connected={isConnected}>
          {isConnected ? 'Live' : 'Live updates are interrupted; connecting again.'}
        </p>
      </header>
      <Filters facets={facets ?? null} />
      <main>
        <div className="toolbar">
          <p role="status">{pagination && `${formatCount(pagination.totalCount)} exports`}</p>
          <label>
            <input
              type="checkbox"
              role="switch"
              checked={page !== null}
              onChange={({ currentTarget: { checked } }) => {
                if (checked) search.set('page', '1');
                else search.delete('page');
                navigate(search);
              }}
            />
            Numbered pages
          </label>
        </div>
        {error && <Problem key={error.message} error={error} retry={reload} />}
        {rows && <ExportsTable rows={rows} isBusy={!list.isCurrent} onOpen={setOpenId} />}
        {!rows && isLoading && <p role="status">Loading…</p>}
        {rows?.length === 0 && list.isCurrent && <p role="status">No exports match.</p>}
        {list.hasMore && <LoadMore isLoading={isLoading} onLoad={list.loadMore} />}
        {page !== null && pagination && (
          <Pages page={page} count={Math.ceil(pagination.totalCount / PAGE_SIZE)} />
        )}
      </main>
      {openId !== null && (
        <ExportPanel
          key={openId}
          id={openId}
          onClose={() => {
            setOpenId(null);
          }}
        />
      )}
    </>
  );
}

/** A button that presses itself when it comes into view. */
function LoadMore(props: { readonly isLoading: boolean; readonly onLoad: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const load = useEffectEvent(props.onLoad);
  useEffect(() => {
    if (button.current === null || props.isLoading) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true) load();
      },
      { rootMargin: '300px' },
    );
    observer.observe(button.current);
    return () => {
      observer.disconnect();
    };
  }, [props.isLoading]);
  return (
    <button ref={button} type="button" disabled={props.isLoading} onClick={props.onLoad}>
      {props.isLoading ? 'Loading…' : 'Load more'}
    </button>
  );
}

/** A function whose first call in each time does the work at the end of it. */
function useThrottled(ms: number, work: () => void): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useEffectEvent(work);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest();
    }, ms);
  };
}

import { useSubscription } from '@apollo/client/react';
import { useEffect, useEffectEvent, useState } from 'react';

import { client, live } from './client.js';
import { CHANGES, ROW } from './documents.js';
import type { ExportFilter, ListQuery, RowFragment } from './gql/graphql.js';

/** A subscription begins with the changes of the 30 seconds before it. */
const COVERED_MS = 25_000;

interface Options {
  /** Until the list has arrived there is nothing to update. */
  readonly skip: boolean;
  /** An export is new, or its status is: it may have entered or left the list, and counts differ. */
  readonly onMoved: (changed: RowFragment) => void;
  /** More may have changed than the events tell. */
  readonly onMissed: () => void;
}

/** Writes each change into the cache, which updates the rows. Returns whether changes arrive. */
export function useLiveUpdates(filter: ExportFilter, { skip, onMoved, onMissed }: Options) {
  const [isConnected, setIsConnected] = useState(true);
  const missed = useEffectEvent(onMissed);

  useEffect(() => {
    let heardAt = Date.now();
    const stops = [
      live.on('message', () => {
        heardAt = Date.now();
      }),
      live.on('connected', () => {
        setIsConnected(true);
        if (Date.now() - heardAt > COVERED_MS) missed();
      }),
      live.on('closed', (event) => {
        setIsConnected((event as CloseEvent).wasClean);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);

  useSubscription(CHANGES, {
    variables: { filter },
    skip,
    ignoreResults: true,
    // The cache would hold the new state before it can be compared with the old one.
    fetchPolicy: 'no-cache',
    onData({ data: { data } }) {
      if (data === undefined) return;
      const { exportsUpdated: changed } = data;
      const { cache } = client;
      const known = cache.readFragment({ fragment: ROW, from: changed });
      cache.writeFragment({ fragment: ROW, from: changed, data: changed });
      if (known?.status !== changed.status) onMoved(changed);
    },
  });
  return isConnected;
}

type Connection = NonNullable<ListQuery['exports']>;

/** The list after an export has entered or left it. One beyond its loaded part comes by scrolling. */
export function withMoved(
  list: Connection,
  changed: RowFragment,
  filter: ExportFilter,
): Connection {
  const others = list.edges.filter(({ node }) => node.id !== changed.id);
  const older = others.findIndex(({ node }) => comesBefore(changed, node));
  const at = older >= 0 ? older : list.pageInfo.hasNextPage ? -1 : others.length;
  if (!hasStatusOf(filter, changed) || at < 0) return { ...list, edges: others };
  const edge = { __typename: 'ExportEdge', node: changed };
  return { ...list, edges: others.toSpliced(at, 0, edge) };
}

/** The order of the list: the newest first. */
function comesBefore(a: RowFragment, b: RowFragment): boolean {
  return a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt;
}

/** Other fields that filters compare never change. An export only expires while nothing updates it. */
function hasStatusOf({ statuses, isExpired }: ExportFilter, { status, ...row }: RowFragment) {
  const hasStatus = statuses == null || statuses.length === 0 || statuses.includes(status);
  return hasStatus && (isExpired == null || isExpired === row.isExpired);
}

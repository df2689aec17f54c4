import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { apiPath } from '../addresses/paths.js';
import { KEY_REFUSED } from '../api/client.js';
import { lastStatesQuery } from '../api/queries.js';
import { signOut, useSession } from '../session/session.js';
import { followEvents, type LiveEvent } from './event-stream.js';
import { FleetStates } from './fleet-states.js';
import { FrameBatch } from './frame-batch.js';
import { type Live, LiveContext, type LiveStatus } from './live-context.js';
import { setServerClock } from './server-clock.js';

/** Follows one fleet (with another, it must be mounted again): reads all last states every few seconds, and applies live events in between. */
export function LiveFleet({ fleet, children }: { fleet: string; children: ReactNode }) {
  const [states] = useState(() => new FleetStates());
  const [listeners] = useState(() => new Set<(events: readonly LiveEvent[]) => void>());
  const [status, setStatus] = useState<LiveStatus>(() => ({ isLive: false, since: Date.now() }));
  const queries = useQueryClient();
  const { key } = useSession();
  const { data, error, refetch } = useQuery(lastStatesQuery(fleet));

  useEffect(() => {
    if (data === undefined) return;
    setServerClock(data.at);
    states.applyList(data);
  }, [data, states]);

  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    const readAgain = () => void queries.invalidateQueries();
    const batch = new FrameBatch<LiveEvent>((events) => {
      if (states.applyEvents(events)) void refetch({ cancelRefetch: false });
      if (events.some(({ type }) => type === 'missed')) readAgain();
      for (const notify of listeners) notify(events);
    }, readAgain);
    void followEvents(
      `${apiPath('events')}?${new URLSearchParams({ fleet })}`,
      key,
      {
        onEvent: (event) => batch.add(event),
        onOpen: (isAgain) => {
          setStatus({ isLive: true, since: Date.now() });
          if (isAgain) readAgain();
        },
        onClosed: () => setStatus((now) => (now.isLive ? { isLive: false, since: Date.now() } : now)),
        onRefused: () => signOut(KEY_REFUSED),
        onRejected: ({ message }) => setStatus({ isLive: false, since: Date.now(), rejection: message }),
      },
      stop.signal,
    );
    return () => stop.abort();
  }, [fleet, key, listeners, queries, refetch, states]);

  const listen = useCallback<Live['listen']>(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [listeners],
  );
  const live = useMemo(
    () => ({ fleet, status, states, listen, problem: error ?? undefined }),
    [error, fleet, listen, states, status],
  );
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

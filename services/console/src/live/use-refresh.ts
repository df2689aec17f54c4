import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef } from 'react';
import type { LiveEvent } from './event-stream.js';
import { useEvents } from './live-context.js';

/** Queries are read again at most this often because of live events, milliseconds. */
const REFRESH_MS = 1000;

/** Reads queries again after a live event that concerns them: immediately, and then at most once per `REFRESH_MS`. */
export function useRefresh(concerns: (event: LiveEvent) => boolean, ...keys: readonly QueryKey[]): void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refreshedAt = useRef(Number.NEGATIVE_INFINITY);
  const latest = useRef({ concerns, keys });
  latest.current = { concerns, keys };
  const refresh = useCallback(
    (events: readonly LiveEvent[]) => {
      if (timer.current !== undefined || !events.some(latest.current.concerns)) return;
      timer.current = setTimeout(
        () => {
          timer.current = undefined;
          refreshedAt.current = performance.now();
          for (const queryKey of latest.current.keys) void queries.invalidateQueries({ queryKey });
        },
        refreshedAt.current + REFRESH_MS - performance.now(),
      );
    },
    [queries],
  );
  useEvents(refresh);
  useEffect(() => () => clearTimeout(timer.current), []);
}

import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef } from 'react';
import type { LiveEvent } from './event-stream.js';
import { useEvents } from './live-context.js';

/** A list is read again at most this often because of live events, milliseconds. */
const REFRESH_MS = 1000;

/** Reads a query again soon after a live event of these types. */
export function useRefresh(types: readonly string[], queryKey: QueryKey): void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const names = types.join(' ');
  const key = JSON.stringify(queryKey);
  const refresh = useCallback(
    (events: readonly LiveEvent[]) => {
      if (timer.current !== undefined || !events.some(({ type }) => names.split(' ').includes(type))) return;
      timer.current = setTimeout(() => {
        timer.current = undefined;
        void queries.invalidateQueries({ queryKey: JSON.parse(key) as QueryKey });
      }, REFRESH_MS);
    },
    [key, names, queries],
  );
  useEvents(refresh);
  useEffect(() => () => clearTimeout(timer.current), []);
}

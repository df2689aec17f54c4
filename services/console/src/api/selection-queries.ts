import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';

export type Selector = Schemas['SelectionRequest']['selector'];

/** The devices that a selector matches now. A POST, because selectors can be long; it changes nothing. */
export const selectionQuery = (fleet: string, selector: Selector, limit: number) =>
  queryOptions({
    queryKey: ['selection', fleet, selector, limit],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.POST('/v1/fleets/{fleet}/selection', {
          params: { path: { fleet } },
          body: { selector, limit },
          signal,
        }),
      ),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
  });

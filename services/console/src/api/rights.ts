import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';

export type Scope = Schemas['CurrentApiKey']['scopes'][number];

export const currentKeyQuery = queryOptions({
  queryKey: ['current-key'],
  queryFn: async ({ signal }) => bodyOf(api.GET('/v1/keys/current', { signal })),
  staleTime: 60_000,
});

/** Whether the key may do something; false until that is known. The api decides: the page only leaves out what it would reject. */
export function useMay(scope: Scope): boolean {
  const scopes = useQuery(currentKeyQuery).data?.scopes;
  return scopes?.some((each) => each === 'admin' || each === scope) === true;
}

import { queryOptions } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';
import { randomKey } from './random-key.js';

/** The last 100 rollouts of a fleet, newest first. */
export const rolloutsQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['rollouts', fleet],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/rollouts', {
          params: { path: { fleet }, query: { limit: 100 } },
          signal,
        }),
      ),
    refetchInterval: 5000,
  });

export const rolloutQuery = (id: string) =>
  queryOptions({
    queryKey: ['rollout', id],
    queryFn: async ({ signal }) => bodyOf(api.GET('/v1/rollouts/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => (data === undefined || canChange(data) ? 3000 : false),
  });

/** Whether a rollout is running, or commands of it are still open. */
const canChange = ({ state, enqueued, outcomes }: Schemas['Rollout']): boolean =>
  state === 'running' || enqueued > Object.values(outcomes).reduce((sum, count) => sum + count, 0);

export const startRollout = (fleet: string, body: Schemas['RolloutRequest']) =>
  bodyOf(
    api.POST('/v1/fleets/{fleet}/commands', {
      params: { path: { fleet }, header: { 'Idempotency-Key': randomKey() } },
      body,
    }),
  );

export const cancelRollout = (id: string) =>
  bodyOf(api.DELETE('/v1/rollouts/{id}', { params: { path: { id } } }));

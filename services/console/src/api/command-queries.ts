import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';

export interface OpenCommandFilter {
  readonly state?: 'pending' | 'dispatched' | 'acknowledged';
  readonly source?: 'rule' | 'api' | 'rollout';
  readonly rule?: string;
  readonly device?: string;
  readonly olderThan?: string;
}

const PAGE = 100;

/** The open commands of a fleet, oldest first, in pages. */
export const openCommandPages = (fleet: string, filter: OpenCommandFilter) =>
  infiniteQueryOptions({
    queryKey: ['open-command-pages', fleet, filter],
    queryFn: async ({ pageParam, signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/commands', {
          params: {
            path: { fleet },
            query: { ...filter, limit: PAGE, ...(pageParam !== '' && { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
    refetchInterval: 5000,
  });

/** One command with its transitions. */
export const commandQuery = (id: string) =>
  queryOptions({
    queryKey: ['command', id],
    queryFn: async ({ signal }) => bodyOf(api.GET('/v1/commands/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => (data === undefined || canChange(data) ? 5000 : false),
  });

export function isOpen(state: Schemas['Command']['state']): boolean {
  return state === 'pending' || state === 'dispatched' || state === 'acknowledged';
}

/** Whether a command is open, or its effect is not known yet. */
const canChange = ({ state, effect }: Pick<Schemas['Command'], 'state' | 'effect'>) =>
  isOpen(state) || effect?.outcome === 'pending';

export const cancelCommand = (id: string) =>
  bodyOf(api.DELETE('/v1/commands/{id}', { params: { path: { id } } }));

/** Why a command was issued, and what happened to it. */
export const whyQuery = (command: string) =>
  queryOptions({
    queryKey: ['why', command],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/commands/{id}/why', { params: { path: { id: command } }, signal })),
    refetchInterval: ({ state: { data } }) => (data === undefined || canChange(data) ? 5000 : false),
  });

/** Why a command was issued; the sentences on its delivery follow them in the response. */
export function reasonsOf({ sentences, delivery }: Pick<Schemas['Why'], 'sentences' | 'delivery'>): string[] {
  return sentences.slice(0, sentences.length - delivery.length);
}

/** The stopped lanes of a fleet that have waiting commands. */
export const stoppedLanesQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['stopped-lanes', fleet],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/fleets/{fleet}/stopped-lanes', { params: { path: { fleet } }, signal })),
    refetchInterval: 10_000,
  });

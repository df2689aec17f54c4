import { queryOptions } from '@tanstack/react-query';
import { api, bodyOf, type Schemas } from './client.js';

type LastStates = Schemas['LastStates'];

/** The console reads the last states of at most this many devices, in two requests. */
export const MOST_DEVICES = 20_000;

/** A small fleet is read often; a large one less, because each time costs Redis about 5 ms per 1,000 devices. */
function lastStatesIntervalMs(devices: number): number {
  return 3000 + Math.min(12_000, devices);
}

export const lastStatesQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['last-states', fleet],
    queryFn: ({ signal }) => readLastStates(fleet, signal),
    refetchInterval: ({ state }) => lastStatesIntervalMs(state.data?.devices.length ?? 0),
    // The states of a large fleet are compared device by device elsewhere.
    structuralSharing: false,
  });

async function readLastStates(fleet: string, signal: AbortSignal): Promise<LastStates> {
  const page = async (cursor?: string) =>
    bodyOf(
      api.GET('/v1/fleets/{fleet}/last-states', {
        params: { path: { fleet }, query: { ...(cursor !== undefined && { cursor }) } },
        signal,
      }),
    );
  const first = await page();
  const devices = [...first.devices];
  let { next } = first;
  while (next !== undefined && devices.length < MOST_DEVICES) {
    const more = await page(next);
    devices.push(...more.devices);
    next = more.next;
  }
  return { ...first, devices, ...(next !== undefined && { next }) };
}

export const fleetsQuery = queryOptions({
  queryKey: ['fleets'],
  queryFn: async ({ signal }) => bodyOf(api.GET('/v1/fleets', { params: { query: { limit: 500 } }, signal })),
  refetchInterval: 10_000,
});

export const numbersQuery = queryOptions({
  queryKey: ['numbers'],
  queryFn: async ({ signal }) => bodyOf(api.GET('/v1/numbers', { signal })),
  refetchInterval: 5000,
});

export const ineffectiveQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['ineffective', fleet],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/devices', {
          params: { path: { fleet }, query: { effect: 'ineffective', limit: 50 } },
          signal,
        }),
      ),
    refetchInterval: 10_000,
  });

export interface RejectedFilter {
  readonly kind?: Schemas['Rejected']['rejected'][number]['kind'];
  readonly reason?: Schemas['Rejected']['rejected'][number]['reason'];
  readonly device?: string;
}

/** A sample of the rejected input, newest first. */
export const rejectedQuery = (fleet: string, limit: number, filter: RejectedFilter = {}) =>
  queryOptions({
    queryKey: ['rejected', fleet, limit, filter],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/rejected', { params: { query: { fleet, ...filter, limit } }, signal })),
    refetchInterval: 10_000,
  });

export const rulesQuery = (fleet: string) =>
  queryOptions({
    queryKey: ['rules', fleet],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/rules', { params: { path: { fleet }, query: { limit: 500 } }, signal }),
      ),
    refetchInterval: 15_000,
  });

/** The oldest open commands of a fleet. */
export const openCommandsQuery = (fleet: string, olderThan: string, limit: number) =>
  queryOptions({
    queryKey: ['open-commands', fleet, olderThan, limit],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/commands', {
          params: { path: { fleet }, query: { limit, olderThan } },
          signal,
        }),
      ),
    refetchInterval: 5000,
  });

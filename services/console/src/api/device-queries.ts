import { queryOptions } from '@tanstack/react-query';
import { api, bodyOf } from './client.js';

interface Address {
  readonly fleet: string;
  readonly device: string;
}

const pathOf = ({ fleet, device }: Address) => ({ fleet, device });

export const deviceQuery = (address: Address) =>
  queryOptions({
    queryKey: ['device', address.fleet, address.device],
    queryFn: async ({ signal }) =>
      bodyOf(api.GET('/v1/fleets/{fleet}/devices/{device}', { params: { path: pathOf(address) }, signal })),
    refetchInterval: 5000,
  });

/** All stored readings of a device, newest first. */
export const readingsQuery = (address: Address) =>
  queryOptions({
    queryKey: ['readings', address.fleet, address.device],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/devices/{device}/telemetry', {
          params: { path: pathOf(address), query: { limit: 240 } },
          signal,
        }),
      ),
    refetchInterval: 10_000,
  });

/** All stored commands of a device, newest first. */
export const deviceCommandsQuery = (address: Address) =>
  queryOptions({
    queryKey: ['commands', address.fleet, address.device],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/devices/{device}/commands', {
          params: { path: pathOf(address), query: { limit: 100 } },
          signal,
        }),
      ),
    refetchInterval: 10_000,
  });

/** Why a rule is not raised on a device, or how long it has been raised. */
export const whyNotQuery = (address: Address, rule: string) =>
  queryOptions({
    queryKey: ['why-not', address.fleet, address.device, rule],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/devices/{device}/why-not', {
          params: { path: pathOf(address), query: { rule } },
          signal,
        }),
      ),
    refetchInterval: 5000,
  });

/** What the device decided by its edge rule while its link was down, and how the server evaluates it. */
export const edgeDecisionsQuery = (address: Address) =>
  queryOptions({
    queryKey: ['edge-decisions', address.fleet, address.device],
    queryFn: async ({ signal }) =>
      bodyOf(
        api.GET('/v1/fleets/{fleet}/devices/{device}/edge-decisions', {
          params: { path: pathOf(address) },
          signal,
        }),
      ),
    refetchInterval: 10_000,
  });

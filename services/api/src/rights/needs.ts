import type { Scope } from '@lamplighter/store/access/api-key';
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

export const NEEDED_SCOPE = 'neededScope';
export const FLEET_CHECK = 'fleetCheck';
/** Where the OpenAPI document finds the scope while it is built. */
export const SCOPE_EXTENSION = 'x-scope';

/** The scope of an endpoint. Without it, GET needs `read`, and every other method `admin`. */
export function Needs(scope: Scope) {
  return applyDecorators(SetMetadata(NEEDED_SCOPE, scope), ApiExtension(SCOPE_EXTENSION, scope));
}

/**
 * An endpoint without a fleet in its path: `query` if the fleet can be in its query, `itself` if it checks which fleets a key may use.
 * Without this, a key that is restricted to fleets is rejected.
 */
export type FleetCheck = 'query' | 'itself';
export const ChecksFleet = (how: FleetCheck) => SetMetadata(FLEET_CHECK, how);

/** The scope that an endpoint needs by its method, if it names none. */
export const defaultScope = (method: string): Scope => (/^(get|head)$/i.test(method) ? 'read' : 'admin');

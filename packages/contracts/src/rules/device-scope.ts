import { z } from 'zod';
import { RULE_BOUNDS } from './rule-bounds.js';

/** A device by name, or devices by prefix (`lamp-*`). */
export const deviceOrPrefixSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}([A-Za-z0-9_.-]|\*)?$/,
    'must be a device such as "lamp-1", or a prefix such as "lamp-*"',
  );

/** Devices by name, by prefix (`lamp-*`), or all devices of the fleet (`*`). */
export const deviceScopeSchema = z
  .union([z.literal('*'), z.array(deviceOrPrefixSchema).min(1).max(RULE_BOUNDS.maxScope)])
  .describe('Devices by name, by prefix ("lamp-*"), or "*" for all devices of the fleet.');
export type DeviceScope = z.infer<typeof deviceScopeSchema>;

/** Whether a scope includes a device. */
export function inScope(scope: DeviceScope, device: string): boolean {
  if (scope === '*') return true;
  return scope.some((name) => (name.endsWith('*') ? device.startsWith(name.slice(0, -1)) : name === device));
}

/** Whether two scopes can include the same device. */
export function scopesMeet(one: DeviceScope, other: DeviceScope): boolean {
  if (one === '*' || other === '*') return true;
  const meet = (a: string, b: string): boolean => {
    if (!a.endsWith('*')) return inScope([b], a);
    const prefix = a.slice(0, -1);
    return b.endsWith('*')
      ? b.slice(0, -1).startsWith(prefix) || prefix.startsWith(b.slice(0, -1))
      : b.startsWith(prefix);
  };
  return one.some((a) => other.some((b) => meet(a, b)));
}

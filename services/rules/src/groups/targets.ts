import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Redis } from '@lamplighter/store/redis/connect';
import { devicesInScope } from '@lamplighter/store/rules/groups';

/** The devices in a scope, at most `RULE_BOUNDS.maxScope`; `isCut` if there are more. */
export interface Targets {
  readonly devices: readonly string[];
  readonly isCut: boolean;
}

/** How long the devices of a scope are cached, milliseconds. */
const CACHE_MS = 5000;
const MAX_CACHED = 1000;

/** Finds the devices that a quorum commands. */
export class TargetFinder {
  private readonly cache = new Map<string, { targets: Targets; until: number }>();

  constructor(
    private readonly redis: Redis,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async find(fleet: string, scope: DeviceScope): Promise<Targets> {
    // A named device is commanded even if the store does not know it: the command waits for the device.
    if (scope !== '*' && !scope.some((name) => name.endsWith('*')))
      return { devices: [...new Set(scope)], isCut: false };
    const key = JSON.stringify([fleet, scope]);
    const cached = this.cache.get(key);
    if (cached !== undefined && this.now() < cached.until) return cached.targets;
    const found = await devicesInScope(this.redis, fleet, scope, RULE_BOUNDS.maxScope + 1);
    const isCut = found.length > RULE_BOUNDS.maxScope;
    const targets = { devices: found.slice(0, RULE_BOUNDS.maxScope), isCut };
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    this.cache.set(key, { targets, until: this.now() + CACHE_MS });
    return targets;
  }
}

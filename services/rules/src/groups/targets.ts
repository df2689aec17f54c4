import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Redis } from '@lamplighter/store/redis/connect';
import { devicesInScope } from '@lamplighter/store/rules/groups';

/** Who a scope means, at most `RULE_BOUNDS.maxScope`; `isCut` if there are more. */
export interface Targets {
  readonly devices: readonly string[];
  readonly isCut: boolean;
}

/** For how long a fleet's devices are taken to be the same. Milliseconds. */
const KEPT_MS = 5000;
/** Scopes that are kept. */
const MAX_KEPT = 1000;

/** Finds the devices that a quorum commands. */
export class TargetFinder {
  private readonly kept = new Map<string, { targets: Targets; until: number }>();

  constructor(
    private readonly redis: Redis,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async find(fleet: string, scope: DeviceScope): Promise<Targets> {
    // Names are commanded whether the store knows them or not: the command waits for its device.
    if (scope !== '*' && !scope.some((name) => name.endsWith('*')))
      return { devices: [...new Set(scope)], isCut: false };
    const key = JSON.stringify([fleet, scope]);
    const known = this.kept.get(key);
    if (known !== undefined && this.now() < known.until) return known.targets;
    const found = await devicesInScope(this.redis, fleet, scope, RULE_BOUNDS.maxScope + 1);
    const isCut = found.length > RULE_BOUNDS.maxScope;
    const targets = { devices: found.slice(0, RULE_BOUNDS.maxScope), isCut };
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    this.kept.set(key, { targets, until: this.now() + KEPT_MS });
    return targets;
  }
}

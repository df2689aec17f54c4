import type { Selector } from '@lamplighter/contracts/rollouts/rollout';
import { type Condition, compileCondition } from '@lamplighter/evaluation/rollouts/condition';
import { readDevices } from '@lamplighter/store/devices/devices';
import type { Redis } from '@lamplighter/store/redis/connect';

/** Evaluates the parts of a rollout's selector that do not concern names. */
export class DeviceSelection {
  private readonly presence: Selector['presence'];
  private readonly condition: Condition | undefined;

  /** @throws ConditionInvalid */
  constructor({ presence, when }: Selector) {
    this.presence = presence;
    this.condition = when === undefined ? undefined : compileCondition(when);
  }

  /** Whether the selector depends only on names. */
  get takesAll(): boolean {
    return this.presence === undefined && this.condition === undefined;
  }

  /** Whether each of these devices is currently selected. */
  async select(redis: Redis, fleet: string, devices: readonly string[]): Promise<boolean[]> {
    if (this.takesAll) return devices.map(() => true);
    return (await readDevices(redis, fleet, devices)).map(
      ({ presence, last }) =>
        (this.presence === undefined || presence === this.presence) &&
        (this.condition === undefined || this.condition(last?.measurements ?? {}) === true),
    );
  }
}

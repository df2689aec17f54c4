import { Replica } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import type { Redis } from 'ioredis';
import { listCommands } from '../src/commands/read-commands.js';
import type { Lease } from '../src/delivery/lease.js';
import { stoppedLanes } from '../src/delivery/stopped-lanes.js';
import { DeviceAddress } from '../src/devices/device-address.js';
import { redisNow } from '../src/redis/connect.js';
import type { Moment } from './queue-model.js';

/** Two devices of one fleet with similar names, in the store; and a clock: that of Redis plus the time that a test has let pass. */
export class QueueFleet {
  private passed = 0;
  readonly devices: readonly DeviceAddress[];
  readonly rules: Replica;
  readonly redis: Redis;
  sessions = 0;
  /** Devices that have published a birth with their reporting interval. */
  readonly announced = new Set<string>();
  /** Devices whose session is open. */
  readonly connected = new Set<string>();
  /** All leases so far, by command: a replica can use any of them, at any later time. */
  private readonly leases = new Map<string, Lease[]>();

  constructor({ redis, newFleet }: StoreUnderTest) {
    const fleet = newFleet();
    this.redis = redis;
    this.devices = ['robot-1', 'robot-10'].map((name) => new DeviceAddress(fleet, name, false));
    this.rules = new Replica(redis);
  }

  recordLease(lease: Lease): void {
    const kept = this.leases.get(lease.id) ?? [];
    this.leases.set(lease.id, [...kept, { ...lease, claimedAt: lease.claimedAt + this.passed }]);
  }

  /** The lease of a command's nth dispatch, starting at 1; the times in the store have been shifted since. */
  lease(id: string, dispatch: number): Lease {
    const lease = this.leases.get(id)![dispatch - 1]!;
    return { ...lease, claimedAt: lease.claimedAt - this.passed };
  }

  async pass(ms: number): Promise<void> {
    for (const shard of new Set(this.shards())) await timePasses(this.redis, ms, { shard });
    this.passed += ms;
  }

  /** Makes a call, and returns the times on the clock before and after it. */
  async timed<T>(call: () => Promise<T>): Promise<[T, Moment]> {
    const from = (await redisNow(this.redis)) + this.passed;
    const result = await call();
    return [result, { from, to: (await redisNow(this.redis)) + this.passed }];
  }

  shards(): number[] {
    return this.devices.map(({ shard }) => shard);
  }

  async states(): Promise<Map<string, string>> {
    const lists = await Promise.all(
      this.devices.map(({ fleet, device }) => listCommands(this.redis, fleet, device, { limit: 1000 })),
    );
    return new Map(lists.flat().map(({ id, state, attempt }) => [id, `${state} ${attempt}`]));
  }

  async stopped(): Promise<Map<string, string>> {
    const lanes = await Promise.all(
      this.devices.map(async ({ name, fleet, device }) =>
        (await stoppedLanes(this.redis, fleet, device)).map(
          ({ lane, stoppedBy }) => [`${name}/${lane}`, stoppedBy] as const,
        ),
      ),
    );
    return new Map(lanes.flat());
  }
}

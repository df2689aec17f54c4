import { selectorSchema } from '@lamplighter/contracts/rollouts/rollout';
import type { Redis } from 'ioredis';
import { listCommands } from '../src/commands/read-commands.js';
import { DeviceAddress } from '../src/devices/device-address.js';
import { ROLLOUTS_DUE_KEY, SHARDS } from '../src/keys.js';
import { enqueueRollout, type Turn } from '../src/rollouts/rollout-commands.js';
import { claimRollouts, type HeldRollout, nextDevices, saveRollout } from '../src/rollouts/rollout-lease.js';
import { createRollout, type RolloutRequest } from '../src/rollouts/rollouts.js';
import { NEW_DEVICE } from '../src/rules/state-version.js';
import { acceptReadings } from '../src/telemetry/accept-readings.js';

/** A rollout request to all devices of the fleet, with changes. */
export function rolloutRequest(changes: Partial<RolloutRequest> = {}): RolloutRequest {
  return {
    action: { led_on: true },
    lane: 'led_on',
    policy: 'latest',
    ttl: '1h',
    timeout: '1m',
    attempts: 5,
    rate: 50,
    selector: selectorSchema.parse({}),
    ...changes,
  };
}

/** Stores a reading of each device, so that the devices are known. */
export async function storeReadings(redis: Redis, fleet: string, devices: readonly string[]): Promise<void> {
  await acceptReadings(
    redis,
    'test',
    devices.map((device, i) => ({
      address: new DeviceAddress(fleet, device, false),
      part: i + 1,
      version: NEW_DEVICE,
      rules: '',
      live: [{ n: undefined, seq: undefined, at: undefined, json: '{"light":1}' }],
      late: [],
      commands: [],
    })),
  );
}

/** Creates a rollout and claims it, as a replica does. */
export async function startRollout(
  redis: Redis,
  fleet: string,
  changes: Partial<RolloutRequest> = {},
): Promise<HeldRollout> {
  const result = await createRollout(redis, fleet, rolloutRequest(changes));
  if (result.outcome !== 'created') throw new Error(`the rollout is ${result.outcome}`);
  return claimRollout(redis, result.rollout.id);
}

/** Claims a rollout, as another replica does when the lease of its holder has ended. */
export async function claimRollout(redis: Redis, id: string): Promise<HeldRollout> {
  await redis.zadd(ROLLOUTS_DUE_KEY, 1, id);
  const held = (await claimRollouts(redis, 1000)).find((one) => one.id === id);
  if (held === undefined) throw new Error('the rollout cannot be claimed');
  return held;
}

/** Gives the remaining devices of a held rollout their turn, in steps; saves the position after each step unless `saves` is false. */
export async function runTurns(
  redis: Redis,
  held: HeldRollout,
  { most = Number.POSITIVE_INFINITY, perStep = 7, saves = true } = {},
): Promise<Turn[]> {
  const turns: Turn[] = [];
  let position = { shard: held.shard, after: held.after };
  while (position.shard < SHARDS && turns.length < most) {
    const { devices, next } = await nextDevices(
      redis,
      held,
      position,
      Math.min(perStep, most - turns.length),
    );
    turns.push(...(await enqueueRollout(redis, held, devices)));
    position = next;
    if (saves && !(await saveRollout(redis, held, position))) break;
  }
  return turns;
}

/** The number of commands of each device. */
export async function commandCounts(redis: Redis, fleet: string, devices: readonly string[]) {
  const lists = await Promise.all(
    devices.map((device) => listCommands(redis, fleet, device, { limit: 100 })),
  );
  return lists.map((list) => list.length);
}

import type { Birth, Will } from '@lamplighter/contracts/presence';
import type { Redis } from 'ioredis';
import type { DeviceAddress } from './accept-readings.js';
import { devicesKey, FRESH_MS, fleetsKey, forgetDueKey, MAX_DEVICES_PER_FLEET, SHARDS } from './keys.js';
import { runScripts } from './script.js';

/**
 * What a birth or a will changed. A birth that finds a session nobody has told the end of: `took_over` from one that was fresh,
 * `returned` from one that had fallen silent; otherwise it is `born`. A will or goodbye: `slept` of a device that sleeps, or `gone`.
 * Nothing was changed by the birth of the session that stands, if it is `known`, and by what is older or was told (`ignored`).
 */
export type PresenceOutcome =
  | 'born'
  | 'took_over'
  | 'returned'
  | 'known'
  | 'gone'
  | 'slept'
  | 'ignored'
  | 'full';

/** Records births and wills, in order. May be repeated. */
export async function recordPresence(
  redis: Redis,
  messages: readonly { address: DeviceAddress; message: Birth | Will }[],
): Promise<PresenceOutcome[]> {
  const replies = await runScripts(
    redis,
    'recordPresence-5',
    messages.map(({ address, message }) => ({
      keys: [
        address.deviceKey,
        address.presenceKey,
        devicesKey(address.shard, address.fleet),
        fleetsKey(address.shard),
        forgetDueKey(address.shard),
      ],
      args: [
        address.fleet,
        address.device,
        message.online ? '1' : '0',
        message.session,
        (message.online && message.telemetry) || 'latest',
        FRESH_MS,
        Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS),
        (message.online && message.sleeps) || '',
        (message.online && message.forgetAfter) || '',
        !message.online && message.goodbye ? '1' : '',
        (message.online && message.reports) || '',
      ],
    })),
  );
  return replies as PresenceOutcome[];
}

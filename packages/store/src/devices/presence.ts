import type { Birth, Will } from '@lamplighter/contracts/devices/presence';
import type { Redis } from 'ioredis';
import { devicesKey, fleetsKey, forgetDueKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import type { DeviceAddress } from './device-address.js';

/**
 * What a birth or a will changed. A birth during an open session: `took_over` if that was fresh, `returned` if it was silent; otherwise
 * `born`. A will or goodbye: `slept` for a sleeping device, otherwise `gone`. Nothing changed: `known` (the birth of the current session
 * again) and `ignored` (older, or known already).
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

/** A birth or a will, and how it arrived. */
export interface PresenceMessage {
  readonly address: DeviceAddress;
  readonly message: Birth | Will;
  /** It was retained or redelivered, so it can be of any age. */
  readonly mayBeOld?: boolean;
  /** Monotonic time of arrival (performance.now); now by default. */
  readonly arrivedAt?: number;
  /** The replica that records it, unique per process start, and the message's number there, growing in the order of arrival. */
  readonly recorder?: { readonly replica: string; readonly number: number };
}

/**
 * Records births and wills, in order. Can be repeated.
 * @param onBirth is called for each effective birth, with the server time at which the current boot of its device started
 */
export async function recordPresence(
  redis: Redis,
  messages: readonly PresenceMessage[],
  onBirth: (position: number, startedAt: number) => void = () => undefined,
): Promise<PresenceOutcome[]> {
  const now = performance.now();
  const replies = await callFunctions(
    redis,
    'recordPresence-5',
    messages.map(({ address, message, mayBeOld = false, arrivedAt = now, recorder }) => ({
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
        (message.online && message.sleeps) || '',
        (message.online && message.forgetAfter) || '',
        !message.online && message.goodbye ? '1' : '',
        (message.online && message.reports) || '',
        mayBeOld ? '1' : '0',
        Math.max(0, Math.round(now - arrivedAt)),
        (message.online && message.boot) || '',
        recorder?.replica ?? '',
        recorder?.number ?? 0,
      ],
    })),
  );
  return (replies as [outcome: PresenceOutcome, startedAt?: string][]).map(([outcome, startedAt], i) => {
    if (startedAt) onBirth(i, Number(startedAt));
    return outcome;
  });
}

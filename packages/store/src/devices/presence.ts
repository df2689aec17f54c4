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

/** A birth or a will as recordPresence-5.lua reads it. Fields that do not apply are left out; texts are stored as they are. */
interface SessionMessage {
  readonly fleet: string;
  readonly device: string;
  /** Whether it is a birth. */
  readonly online: boolean;
  readonly session: string;
  /** The telemetry policy of a birth. */
  readonly telemetry: 'latest' | 'keep';
  /** Time between reports of a sleeping device, or of one that stays connected, ms. */
  readonly sleeps?: string;
  readonly reports?: string;
  /** Offline time after which the device is removed, ms. */
  readonly forgetAfter?: string;
  /** Births of the same boot are reconnections, not restarts. */
  readonly boot?: string;
  /** A goodbye, not a will. */
  readonly goodbye?: boolean;
  /** It was retained or redelivered. */
  readonly mayBeOld: boolean;
  /** Time since it arrived, ms. */
  readonly age: number;
  /** The replica that records it, or '', and its number there. */
  readonly replica: string;
  readonly number: number;
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
    messages.map((each) => ({
      keys: [
        each.address.deviceKey,
        each.address.presenceKey,
        devicesKey(each.address.shard, each.address.fleet),
        fleetsKey(each.address.shard),
        forgetDueKey(each.address.shard),
      ],
      args: [JSON.stringify(sessionMessage(each, now))],
    })),
  );
  return (replies as [outcome: PresenceOutcome, startedAt?: string][]).map(([outcome, startedAt], i) => {
    if (startedAt) onBirth(i, Number(startedAt));
    return outcome;
  });
}

function sessionMessage(
  { address, message, mayBeOld = false, arrivedAt, recorder }: PresenceMessage,
  now: number,
): SessionMessage {
  const shared = {
    fleet: address.fleet,
    device: address.device,
    session: String(message.session),
    mayBeOld,
    age: Math.max(0, Math.round(now - (arrivedAt ?? now))),
    replica: recorder?.replica ?? '',
    number: recorder?.number ?? 0,
  };
  if (!message.online)
    return { ...shared, online: false, telemetry: 'latest', ...(message.goodbye && { goodbye: true }) };
  const { telemetry = 'latest', sleeps, reports, forgetAfter, boot } = message;
  return {
    ...shared,
    online: true,
    telemetry,
    ...(sleeps && { sleeps: String(sleeps) }),
    ...(reports && { reports: String(reports) }),
    ...(forgetAfter && { forgetAfter: String(forgetAfter) }),
    ...(boot && { boot: String(boot) }),
  };
}

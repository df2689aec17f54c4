import { createHash } from 'node:crypto';
import type { Action } from '@lamplighter/contracts/commands/command';
import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import type { Redis } from 'ioredis';
import { presenceOf } from '../devices/devices.js';
import {
  countedCommandKeys,
  deviceKey,
  devicesKey,
  fleetsKey,
  idempotencyKey,
  presenceKey,
  shardOf,
  WAKE_CHANNEL,
} from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { type DeliveryOptions, deliveryText } from './command-header.js';
import { newCommandId } from './command-id.js';
import { type Command, type CommandSource, commandJson, parseBody } from './read-commands.js';
import { type Superseded, supersededOf } from './superseded.js';

/** An idempotency key is remembered for a day, milliseconds. */
const IDEMPOTENCY_MS = 24 * 3_600_000;

export type EnqueueResult =
  | ({ outcome: 'enqueued'; id: string; command: Command; presence: PresenceState } & Superseded)
  | { outcome: 'repeated'; id: string }
  | { outcome: Rejection };

/** `unknown_device`: the request has `mustBeKnown`, and the device is unknown. */
type Rejection = 'reused' | 'full' | 'unreachable' | 'fleet_full' | 'unknown_device';

/** A requested command; `ttl` in milliseconds. If it has a rollout, it is counted there until it ends. */
export interface EnqueueRequest extends DeliveryOptions {
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly ttl: number;
  readonly action: Action;
  /** The trace that it belongs to; see contracts/src/trace-context.ts. */
  readonly traceparent?: string | undefined;
  /** The id of the API key that sent it. */
  readonly key?: string | undefined;
  /** The idempotency key, and the request that it stands for. */
  readonly idempotency?: { readonly key: string; readonly request: string };
  /** Rejects an unknown device; otherwise the device is created as `never_seen`. */
  readonly mustBeKnown?: boolean;
}

/** A command as enqueueCommand-13.lua reads it. Fields that do not apply are left out. */
interface CommandMessage {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  /** The header, starting at the policy. */
  readonly delivery: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** The command without its header. */
  readonly json: string;
  readonly cause: string;
  /** With an idempotency key: the hash of the request, and how long the key is remembered. */
  readonly request?: { readonly hash: string; readonly rememberMs: number };
  /** What is published to wake the dispatchers. */
  readonly wake: { readonly channel: string; readonly message: string };
  /** An unknown device is rejected. */
  readonly mustBeKnown?: boolean;
}

/** Enqueues a command of the API or of a rollout, and wakes the dispatchers. */
export async function enqueueCommand(redis: Redis, request: EnqueueRequest): Promise<EnqueueResult> {
  const { fleet, device, lane, ttl, action, traceparent, idempotency, rollout, key } = request;
  const shard = shardOf(fleet, device);
  const id = newCommandId(shard);
  const source: CommandSource =
    rollout === undefined
      ? { source: 'api', ...(key !== undefined && { key }) }
      : { source: 'rollout', rollout };
  const cause = rollout === undefined ? 'api' : `rollout:${rollout}`;
  const delivery = deliveryText(request);
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  const message: CommandMessage = {
    id,
    fleet,
    device,
    lane,
    delivery,
    ttl,
    json: commandJson(source, action, traceparent),
    cause,
    ...(idempotency && { request: { hash: hash(idempotency.request), rememberMs: IDEMPOTENCY_MS } }),
    wake: { channel: WAKE_CHANNEL, message: String(shard) },
    ...(request.mustBeKnown && { mustBeKnown: true }),
  };
  const [outcome, ...details] = (await callFunction(
    redis,
    'enqueueCommand-13',
    [
      deviceKey(shard, fleet, device),
      presenceKey(shard, fleet),
      devicesKey(shard, fleet),
      fleetsKey(shard),
      idempotencyKey(shard, fleet, device, idempotency ? hash(idempotency.key) : ''),
      ...countedCommandKeys(shard, fleet),
    ],
    [JSON.stringify(message)],
  )) as [string, ...string[]];
  switch (outcome) {
    case 'enqueued': {
      const [seq, createdAt, expiresAt, score, ...ended] = details;
      const at = Number(createdAt);
      const command: Command = {
        ...parseBody(id, `${fleet}/${device}/${lane} ${seq} ${expiresAt} ${delivery}`, {
          ...source,
          action,
          ...(traceparent !== undefined && { traceparent }),
        }),
        state: 'pending',
        attempt: 0,
        createdAt: at,
        transitions: [{ state: 'pending', at, attempt: 0, cause }],
      };
      return { outcome, id, ...supersededOf(ended), command, presence: presenceOf(Number(score), at) };
    }
    case 'repeated':
      return { outcome, id: details[0]! };
    default:
      return { outcome: outcome as Rejection };
  }
}

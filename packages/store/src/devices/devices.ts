import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import {
  type HistoryReason,
  type Measurement,
  type Reading,
  STALE_MS,
} from '@lamplighter/contracts/telemetry/reading';
import type { Redis } from 'ioredis';
import {
  commandKeys,
  deviceKey,
  devicesKey,
  ineffectiveKey,
  presenceKey,
  shardOf,
  WINDOW_SIZE,
  windowKey,
} from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/** A stored reading. Times are milliseconds since 1970. */
export interface KeptReading {
  readonly seq?: number;
  /** Device time. */
  readonly at?: number;
  /** Server time. */
  readonly receivedAt: number;
  /** It arrived after a newer one, so it entered the window but never was the last state. */
  readonly late: boolean;
  /** Why it is history; absent for a live reading. */
  readonly history?: HistoryReason;
  readonly measurements: Record<string, Measurement>;
}

/** A device with its last state. */
export interface Device {
  readonly fleet: string;
  readonly device: string;
  readonly lesson: boolean;
  readonly presence: PresenceState;
  /** From the device's latest birth or will, with the server time of its arrival. */
  readonly session?: {
    readonly id: number;
    readonly online: boolean;
    readonly since: number;
    readonly telemetry: string;
    /** It connects only to report, at least this often, milliseconds. */
    readonly sleeps?: number;
    /** It stays connected and reports at least this often, milliseconds. */
    readonly reports?: number;
  };
  readonly last?: KeptReading;
  /** Age of the last state on the Redis clock, milliseconds. */
  readonly ageMs?: number;
  readonly pendingCommands: number;
  readonly order: ReadingOrder;
}

/** Counts of a device's readings that did not directly follow the previous one. */
export interface ReadingOrder {
  /** Stored as history, including retained ones. */
  readonly late: number;
  readonly duplicate: number;
  /** Older than every reading of a full window, so not stored. */
  readonly tooOld: number;
  /** Of retained messages. */
  readonly retained: number;
  readonly rejected: number;
  /** How often a lower number restarted the order. */
  readonly restarts: number;
  /** The latest reading that was late or retained. */
  readonly history?: { readonly reason: 'late' | 'retained'; readonly receivedAt: number };
  /** The latest reading that was rejected. */
  readonly latestRejection?: { readonly reason: string; readonly receivedAt: number };
}

const ORDER_FIELDS = [
  'late',
  'duplicate',
  'stale',
  'retained',
  'rejected',
  'restarts',
  'history',
  'refusal',
] as const;

/** Devices of a fleet by presence. */
export type PresenceCounts = Record<PresenceState, number>;

/** Counts a fleet's devices by presence, now. */
export async function countPresence(redis: Redis, fleet: string): Promise<PresenceCounts> {
  const now = await redisNow(redis);
  const ranges = [
    [now, '+inf'],
    [1, `(${now}`],
    [0, '(1'],
    [-1, -1],
  ] as const;
  const counts = await Promise.all(
    ranges.map(async ([min, max]) => {
      const perShard = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
        pipeline.zcount(presenceKey(shard, fleet), min, max),
      )) as number[];
      return perShard.reduce((sum, count) => sum + count, 0);
    }),
  );
  const [online, stale, offline, neverSeen] = counts as [number, number, number, number];
  return { online, stale, offline, never_seen: neverSeen };
}

/**
 * Lists a fleet's devices by name.
 * @param after only names after this one (the cursor)
 * @param effect only devices with an ineffective rule: the last measured effect of its commands did not occur (see effects.ts)
 * @returns up to `limit` devices, and the cursor if more may follow. With a presence filter a page reads at most
 *   `MAX_NAMES_PER_PAGE` names, so it can have fewer than `limit` devices although more follow; `next` is then the last name read.
 */
export async function listDevices(
  redis: Redis,
  fleet: string,
  options: { limit: number; after?: string; presence?: PresenceState; effect?: 'ineffective' },
): Promise<{ devices: Device[]; next?: string }> {
  const { limit, presence, effect } = options;
  const namesKey = effect === undefined ? devicesKey : ineffectiveKey;
  const devices: Device[] = [];
  let after = options.after ?? '';
  for (let read = 0; read < MAX_NAMES_PER_PAGE; ) {
    const names = await namesAfter(redis, fleet, after, limit, namesKey);
    for (const device of await readDevices(redis, fleet, names)) {
      if (presence === undefined || device.presence === presence) devices.push(device);
      after = device.device;
      if (devices.length === limit) return { devices, next: after };
    }
    if (names.length < limit || names.length === 0) return { devices };
    read += names.length;
  }
  return { devices, next: after };
}

/** Maximum number of names that one page reads. */
const MAX_NAMES_PER_PAGE = 2000;

/** The next names in lexical order, merged from all shards. */
export async function namesAfter(
  redis: Redis,
  fleet: string,
  after: string,
  limit: number,
  keyOf = devicesKey,
): Promise<string[]> {
  const min = after === '' ? '-' : `(${after}`;
  const perShard = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.zrangebylex(keyOf(shard, fleet), min, '+', 'LIMIT', 0, limit),
  )) as string[][];
  return perShard.flat().sort().slice(0, limit);
}

/** Reads one device; undefined if it is unknown. */
export async function readDevice(redis: Redis, fleet: string, device: string): Promise<Device | undefined> {
  const known = await redis.zscore(devicesKey(shardOf(fleet, device), fleet), device);
  return known === null ? undefined : (await readDevices(redis, fleet, [device]))[0];
}

/** Reads these devices, known or not, in their order. */
export async function readDevices(redis: Redis, fleet: string, names: readonly string[]): Promise<Device[]> {
  if (names.length === 0) return [];
  const addressed = names.map((device) => ({ device, shard: shardOf(fleet, device) }));
  const [now, states, newest, scores, pending] = await Promise.all([
    redisNow(redis),
    pipelined(redis, addressed, (pipeline, { shard, device }) =>
      pipeline.hmget(deviceKey(shard, fleet, device), 'session', 'lesson', ...ORDER_FIELDS),
    ) as Promise<(string | null)[][]>,
    // The last entry of the window is the last state: late readings are never inserted after it.
    pipelined(redis, addressed, (pipeline, { shard, device }) =>
      pipeline.lindex(windowKey(shard, fleet, device), -1),
    ) as Promise<(string | null)[]>,
    pipelined(redis, addressed, (pipeline, { shard, device }) =>
      pipeline.zscore(presenceKey(shard, fleet), device),
    ) as Promise<(string | null)[]>,
    pipelined(redis, addressed, (pipeline, { shard, device }) =>
      pipeline.zlexcount(commandKeys(shard)[3]!, `[${fleet}/${device}/`, `(${fleet}/${device}0`),
    ) as Promise<number[]>,
  ]);
  return names.map((device, i) => {
    const [session, lesson, ...order] = states[i]!;
    const entry = newest[i] ? parseEntry(newest[i]) : undefined;
    const last = entry?.late ? undefined : entry; // only history so far
    return {
      fleet,
      device,
      lesson: lesson === '1',
      presence: presenceOf(Number(scores[i] ?? -1), now),
      ...(session && { session: parseSession(session) }),
      ...(last && { last, ageMs: Math.max(0, now - last.receivedAt) }),
      pendingCommands: pending[i]!,
      order: orderIn(order),
    };
  });
}

function orderIn(fields: readonly (string | null)[]): ReadingOrder {
  const [late, duplicate, tooOld, retained, rejected, restarts] = fields.map((field) => Number(field ?? 0));
  const event = <R extends string>(field: string | null | undefined) => {
    const [receivedAt, reason] = (field ?? '').split(',') as [string, R?];
    return reason && { reason, receivedAt: Number(receivedAt) };
  };
  const history = event<'late' | 'retained'>(fields[6]);
  const latestRejection = event<string>(fields[7]);
  return {
    late: late!,
    duplicate: duplicate!,
    tooOld: tooOld!,
    retained: retained!,
    rejected: rejected!,
    restarts: restarts!,
    ...(history && { history }),
    ...(latestRejection && { latestRejection }),
  };
}

/** Reads a device's window, newest first. */
export async function readWindow(
  redis: Redis,
  fleet: string,
  device: string,
  limit: number,
): Promise<KeptReading[]> {
  const last = Math.min(limit, WINDOW_SIZE);
  const entries = await redis.lrange(windowKey(shardOf(fleet, device), fleet, device), -last, -1);
  return entries.reverse().map(parseEntry);
}

/** Reads an entry of a window. */
export function parseEntry(entry: string): KeptReading {
  const [, received, kind, seq, at, json] = /^(\d+),(\d),\d*,\d*,(\d*),(\d*),[^,]*,(.*)$/s.exec(entry)!;
  const measurements = Object.entries(JSON.parse(json!) as Reading).filter(([name]) => !name.startsWith('_'));
  return {
    ...(seq && { seq: Number(seq) }),
    ...(at && { at: Number(at) }),
    receivedAt: Number(received),
    late: kind === '1' || kind === '2',
    ...historyOf(kind!, Number(received), at),
    measurements: Object.fromEntries(measurements) as Record<string, Measurement>,
  };
}

/** By the kind of an entry, see acceptReadings-n.lua. A live reading can be `stale` by its own time. */
const REASONS: Readonly<Record<string, HistoryReason>> = { 1: 'late', 2: 'retained', 3: 'replayed' };

function historyOf(kind: string, receivedAt: number, at: string | undefined): { history?: HistoryReason } {
  const isStale = at !== undefined && at !== '' && receivedAt - Number(at) > STALE_MS;
  const history = REASONS[kind] ?? (isStale ? 'stale' : undefined);
  return history === undefined ? {} : { history };
}

function parseSession(session: string) {
  const [id, online, since, telemetry, sleeps, reports] = session.split(',');
  return {
    id: Number(id),
    online: online === '1',
    since: Number(since),
    telemetry: telemetry ?? 'latest',
    ...(sleeps && { sleeps: Number(sleeps) }),
    ...(reports && { reports: Number(reports) }),
  };
}

/** @param score of the presence ZSET: the time until which the device counts as online */
export function presenceOf(score: number, now: number): PresenceState {
  if (score >= now) return 'online';
  if (score >= 1) return 'stale';
  return score >= 0 ? 'offline' : 'never_seen';
}

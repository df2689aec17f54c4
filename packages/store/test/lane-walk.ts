import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { isFinal } from '../src/commands/read-commands.js';
import type { Lease } from '../src/delivery/lease.js';
import type { DeviceAddress } from '../src/devices/device-address.js';
import { commandKeys, ledgerKey } from '../src/keys.js';

type Fields = Readonly<Record<string, string>>;

/** Everything that the store holds about a device that is alone in its shard. Times are actual ones. */
interface StoredDevice {
  readonly commands: Fields;
  readonly transitions: Fields;
  readonly acknowledgements: Fields;
  readonly queue: readonly string[];
  readonly index: readonly string[];
  readonly due: Fields;
  readonly device: Fields;
  readonly ledger: Fields;
}

/** A command at a point. */
export interface WalkedCommand {
  readonly id: string;
  readonly seq: number;
  readonly expiresAt: number;
  readonly state: CommandState;
  readonly attempt: number;
  readonly since: number;
  readonly path: readonly CommandState[];
  readonly transitions: string;
  readonly due: number | undefined;
}

/** A point of the exploration: the stored data, the leases of each replica (current or not), and the steps that lead here. */
export interface Point {
  /** The actual time to which the stored times refer, milliseconds. */
  readonly at: number;
  readonly kept: StoredDevice;
  readonly leases: readonly ReadonlyMap<string, Lease>[];
  readonly path: readonly string[];
}

/** The commands of the lane, in its order. */
export function commandsOf({ kept }: Point): WalkedCommand[] {
  return Object.entries(kept.commands)
    .map(([id, value]) => {
      const [, seq, expiresAt] = value.split(' ');
      const transitions = kept.transitions[id]!;
      const steps = transitions.split(';').map((step) => step.split(','));
      const [state, since, attempt] = steps.at(-1)!;
      return {
        id,
        seq: Number(seq),
        expiresAt: Number(expiresAt),
        state: state as CommandState,
        attempt: Number(attempt),
        since: Number(since),
        path: steps.map(([name]) => name as CommandState),
        transitions,
        due: id in kept.due ? Number(kept.due[id]) : undefined,
      };
    })
    .sort((a, b) => a.seq - b.seq);
}

/** The leases of a replica: for each command none, the current one, or an old one. */
export function heldLeases(point: Point, replica: number): string {
  return commandsOf(point)
    .map(({ id, state, attempt, since }) => {
      const lease = point.leases[replica]!.get(id);
      if (lease === undefined) return '-';
      return state === 'dispatched' && lease.attempt === attempt && lease.claimedAt === since ? 'now' : 'old';
    })
    .join(' ');
}

/**
 * Two points with the same text have the same future. Times count in whole seconds from `now`, and past ones are equal. Replicas are
 * interchangeable.
 */
export function futureOf(point: Point, now = point.at): string {
  const left = (time: number) => Math.max(0, Math.ceil((time - now) / 1000));
  const commands = commandsOf(point).map(({ state, attempt, due, expiresAt, path }) => {
    const wasSent = path.includes('dispatched') ? 'sent' : '';
    const times = isFinal(state) ? '' : `${left(due!)}/${left(expiresAt)}`;
    return [state, attempt, times, wasSent].join(' ');
  });
  const leases = point.leases.map((_, replica) => heldLeases(point, replica)).sort();
  return [...commands, ...leases, stoppedBy(point) ?? ''].join('; ');
}

/** The command that stopped the lane, if one did. */
export function stoppedBy({ kept }: Point): string | undefined {
  return Object.entries(kept.device).find(([field]) => field.startsWith('stopped:'))?.[1];
}

/** The point after some time: only the stored times change, into the past. */
export function pointAfter(point: Point, ms: number, step: string): Point {
  return { ...shifted(point, -ms), path: [...point.path, step] };
}

function shifted({ kept, leases, ...point }: Point, ms: number): Point {
  const moved = (time: string) => String(Number(time) + ms);
  return {
    ...point,
    kept: {
      ...kept,
      commands: mapValues(kept.commands, (value) =>
        value.replace(
          /^(\S+ \d+ )(\d+)/,
          (_, before: string, expiresAt: string) => before + moved(expiresAt),
        ),
      ),
      transitions: mapValues(kept.transitions, (text) =>
        text.replace(
          /(^|;)([a-z]+),(\d+)/g,
          (_, start: string, state: string, at: string) => `${start}${state},${moved(at)}`,
        ),
      ),
      due: mapValues(kept.due, moved),
      device: Object.fromEntries(
        Object.entries(kept.device).map(([field, value]) => [
          field,
          field === 'session'
            ? value.replace(/^(\d+,\d,)(\d+)/, (_, before: string, at: string) => before + moved(at))
            : value,
        ]),
      ),
    },
    leases: leases.map(
      (held) =>
        new Map([...held].map(([id, lease]) => [id, { ...lease, claimedAt: lease.claimedAt + ms }] as const)),
    ),
  };
}

const mapValues = (fields: Fields, change: (value: string) => string): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value)]));

/** Restores the data of a device at a point, as if no time had passed. Returns the point with current times. */
export function restorePoint(redis: Redis, address: DeviceAddress, point: Point): Point {
  const now = Date.now();
  const moved = { ...shifted(point, now - point.at), at: now };
  const { kept } = moved;
  const [commands, transitions, acknowledgements, queue, index, due] = commandKeys(address.shard) as Keys;
  const ledger = ledgerKey(address.shard, address.fleet);
  const writes = redis.pipeline();
  writes.del(commands, transitions, acknowledgements, queue, index, due, address.deviceKey, ledger);
  for (const [key, fields] of [
    [commands, kept.commands],
    [transitions, kept.transitions],
    [acknowledgements, kept.acknowledgements],
    [address.deviceKey, kept.device],
    [ledger, kept.ledger],
  ] as const)
    if (Object.keys(fields).length > 0) writes.hset(key, fields);
  for (const [key, members] of [
    [queue, kept.queue.flatMap((member) => ['0', member])],
    [index, kept.index.flatMap((member) => ['0', member])],
    [due, Object.entries(kept.due).flatMap(([id, score]) => [score, id])],
  ] as const)
    if (members.length > 0) writes.zadd(key, ...members);
  // Not awaited: later calls on this connection are executed after it.
  void writes.exec();
  return moved;
}

type Keys = [string, string, string, string, string, string];

/** Reads the current point of a device. */
export async function readPoint(
  redis: Redis,
  address: DeviceAddress,
  leases: Point['leases'],
  path: readonly string[],
): Promise<Point> {
  const [commands, transitions, acknowledgements, queue, index, due] = commandKeys(address.shard) as Keys;
  const reads = redis.pipeline();
  for (const key of [
    commands,
    transitions,
    acknowledgements,
    address.deviceKey,
    ledgerKey(address.shard, address.fleet),
  ])
    reads.hgetall(key);
  reads.zrange(queue, '0', '-1').zrange(index, '0', '-1').zrange(due, '0', '-1', 'WITHSCORES');
  const replies = ((await reads.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  const [command, transition, acknowledgement, device, ledger] = replies as Fields[];
  const scores = replies[7] as string[];
  return {
    at: Date.now(),
    kept: {
      commands: command!,
      transitions: transition!,
      acknowledgements: acknowledgement!,
      device: device!,
      ledger: ledger!,
      queue: replies[5] as string[],
      index: replies[6] as string[],
      due: Object.fromEntries(
        Array.from({ length: scores.length / 2 }, (_, i) => [scores[2 * i]!, scores[2 * i + 1]!]),
      ),
    },
    leases,
    path,
  };
}

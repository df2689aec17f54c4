import type { Redis } from 'ioredis';
import { deliveryText } from '../commands/command-header.js';
import type { EnqueueOutcome } from '../commands/emitted-command.js';
import { supersededOf } from '../commands/superseded.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { sessionOf } from '../devices/session.js';
import { countedCommandKeys, devicesKey, fleetsKey, timersKey } from '../keys.js';
import { callFunction, type FunctionArgument } from '../redis/functions.js';
import { NEW_DEVICE } from '../rules/state-version.js';
import type { Timer } from '../rules/timers.js';
import type { DevicePart, PartOutcome, StoredDeviceState } from './device-part.js';
import { isLiveKind, KINDS, type NewReading } from './reading-order.js';

const ACCEPTED: PartOutcome = { kind: 'accepted', commands: [] };

/**
 * Accepts a batch: one function for all its devices. Outcomes are in the order of the parts. Can be repeated after a failure.
 * @param replica id of the caller, unique per process start; with `part` it identifies a part
 */
export async function acceptReadings(
  redis: Redis,
  replica: string,
  parts: readonly DevicePart[],
): Promise<PartOutcome[]> {
  const keys = new KeyList();
  for (const { address } of parts) keys.push(address.deviceKey, address.windowKey);
  const args: FunctionArgument[] = [replica, parts.length];
  for (const part of parts) {
    const { address, after, version, live } = part;
    if (isPlain(part)) {
      const follows = after === undefined ? '-' : `${replica}.${after}`;
      args.push(`${part.part} ${keys.position(address.presenceKey)} ${version} ${follows}`);
      args.push(entryOf(live[0]!, replica, part.part));
    } else {
      args.push(JSON.stringify(messageOf(part, replica, keys)));
    }
  }
  const [, ...replies] = (await callFunction(redis, 'acceptReadings-n', keys.list, args)) as string[];
  const outcomes = new Array<PartOutcome>(parts.length).fill(ACCEPTED);
  for (const reply of replies) {
    const { position, ...outcome } = JSON.parse(reply) as PartReply;
    outcomes[position - 1] = outcomeOf(outcome);
  }
  return outcomes;
}

/** The keys of a call. Each is sent once, and functions find it by its position. */
class KeyList {
  readonly list: string[] = [];
  private readonly positions = new Map<string, number>();

  push(...keys: readonly string[]): void {
    for (const key of keys) this.list.push(key);
  }

  /** Position of the first key of a group of adjacent keys, counted from 1. */
  position(first: string, all = () => [first]): number {
    const known = this.positions.get(first);
    if (known !== undefined) return known;
    const at = this.list.length + 1;
    this.push(...all());
    this.positions.set(first, at);
    return at;
  }
}

/** Whether a part is a single live reading and nothing else, of a device that the store knows. */
function isPlain({
  address,
  version,
  rules,
  live,
  late,
  kinds,
  commands,
  votes,
  timer,
}: DevicePart): boolean {
  return (
    live.length === 1 &&
    late.length === 0 &&
    commands.length === 0 &&
    (votes === undefined || votes.length === 0) &&
    rules === '' &&
    timer === undefined &&
    version !== NEW_DEVICE &&
    (kinds ?? KINDS.live) === KINDS.live &&
    !isAmbiguous(address)
  );
}

/** A device named like its fleet can use the lesson topics, so the function must know on which topic it reported. */
function isAmbiguous({ fleet, device }: DeviceAddress): boolean {
  return device === fleet;
}

/** A part as acceptReadings-n.lua reads it. Fields that do not apply are left out. */
interface DevicePartMessage {
  readonly part: string;
  /** '-' for a device that the store does not know, according to the caller. */
  readonly version: string;
  /** Position of the presence ZSET of its fleet and shard. */
  readonly presence: number;
  /** Positions of the devices ZSET and the fleets SET, for a new device. */
  readonly devices?: number;
  readonly fleets?: number;
  /** Whether an ambiguous device reported on the lesson topic. */
  readonly lesson?: boolean;
  /** New rule states, JSON. */
  readonly rules?: string;
  /** In the order of arrival. None: the verdict of a timer. */
  readonly readings: readonly string[];
  /** As which each was evaluated, see `kindOf`. */
  readonly kinds: string;
  /** Position of the first of the eight command keys of its fleet and shard. */
  readonly commandKeys?: number;
  readonly commands?: readonly object[];
  /** `group`: position of the group's HASH. */
  readonly votes?: readonly { readonly group: number; readonly vote: string }[];
  /** Position of the timers ZSET of its shard. */
  readonly timers?: number;
  /** Without `at` the timer is removed; unless `exact`, an earlier one stays. */
  readonly timer?: Timer;
}

function messageOf(part: DevicePart, replica: string, keys: KeyList): DevicePartMessage {
  const { address, version, rules, live, late, commands, votes = [], timer } = part;
  const { shard, fleet, presenceKey } = address;
  const isNew = version === NEW_DEVICE;
  const kinds = part.kinds ?? KINDS.live.repeat(live.length) + KINDS.late.repeat(late.length);
  return {
    part: String(part.part),
    version: isNew ? '-' : version,
    presence: keys.position(presenceKey),
    ...(isNew && {
      devices: keys.position(devicesKey(shard, fleet)),
      fleets: keys.position(fleetsKey(shard)),
    }),
    ...(isAmbiguous(address) && { lesson: address.lesson }),
    ...(rules !== '' && { rules }),
    readings: inOrder(kinds, live, late).map((reading) => entryOf(reading, replica, part.part)),
    kinds,
    ...(commands.length > 0 && {
      commandKeys: keys.position(`commands ${shard} ${fleet}`, () => countedCommandKeys(shard, fleet)),
      commands: commands.map((command) => {
        const { id, lane, ttl, json, cause, restartedAt } = command;
        return { id, lane, delivery: deliveryText(command), ttl, json, cause, restartedAt };
      }),
    }),
    ...(votes.length > 0 && {
      votes: votes.map(({ groupKey, vote }) => ({ group: keys.position(groupKey), vote })),
    }),
    ...(timer !== undefined && { timers: keys.position(timersKey(shard)), timer }),
  };
}

/** Live and late readings in the order of arrival. */
function inOrder(kinds: string, live: readonly NewReading[], late: readonly NewReading[]): NewReading[] {
  let [nextLive, nextLate] = [0, 0];
  return Array.from(kinds, (kind) => (isLiveKind(kind) ? live[nextLive++]! : late[nextLate++]!));
}

/** A reading's entry in the window, starting at its count. */
function entryOf({ n, seq, at, json }: NewReading, replica: string, part: number): string {
  return `${n ?? ''},${seq ?? ''},${at ?? ''},${replica}.${part},${json}`;
}

/** A reply of acceptReadings-n.lua about the part at this position, counted from 1. */
interface PartReply
  extends Pick<PartOutcome, 'kind' | 'late' | 'restarted' | 'returnedFrom' | 'rejectedVotes'> {
  readonly position: number;
  /** On a conflict, what the store holds. Numbers are texts, empty if there is none. */
  readonly stored?: {
    version: string;
    seq: string;
    at: string;
    rules: string;
    session: string;
    kinds: string;
  };
  /** `ended`: ids of superseded commands, `?` before those that ended as unknown. */
  readonly commands?: readonly {
    id: string;
    state: EnqueueOutcome['state'];
    seq: string;
    expiresAt: string;
    ended?: readonly string[];
  }[];
}

function outcomeOf({ stored, commands = [], ...outcome }: Omit<PartReply, 'position'>): PartOutcome {
  return {
    ...outcome,
    commands: commands.map(({ id, state, seq, expiresAt, ended = [] }) => ({
      id,
      state,
      seq: Number(seq),
      expiresAt: Number(expiresAt),
      ...supersededOf(ended),
    })),
    ...(stored !== undefined && { stored: storedStateOf(stored) }),
  };
}

function storedStateOf({ seq, at, session, ...stored }: NonNullable<PartReply['stored']>): StoredDeviceState {
  const mark = { seq: seq === '' ? undefined : Number(seq), at: at === '' ? undefined : Number(at) };
  return { ...stored, mark, session: sessionOf(session) };
}

import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule';
import type { Redis } from 'ioredis';
import { type DeliveryOptions, deliveryText } from '../commands/command-header.js';
import { type Superseded, supersededOf } from '../commands/superseded.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  countedCommandKeys,
  deviceKey,
  devicesKey,
  FRESH_MS,
  fleetsKey,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  presenceKey,
  SHARDS,
  shardOf,
  timersKey,
  WINDOW_SIZE,
  windowKey,
} from '../keys.js';
import { runScript, type ScriptArgument } from '../redis/script.js';

/** A device and its keys, built once and kept, since they are needed for every batch. */
export class DeviceAddress {
  readonly shard: number;
  readonly name: string;
  readonly deviceKey: string;
  readonly windowKey: string;
  readonly presenceKey: string;

  constructor(
    readonly fleet: string,
    readonly device: string,
    readonly lesson: boolean,
  ) {
    this.name = `${fleet}/${device}`;
    this.shard = shardOf(fleet, device);
    this.deviceKey = deviceKey(this.shard, fleet, device);
    this.windowKey = windowKey(this.shard, fleet, device);
    this.presenceKey = presenceKey(this.shard, fleet);
  }
}

/** Version of a device's rule states: the store has never heard of the device, the caller does not know, no states yet. */
export const NEW_DEVICE = '';
export const UNKNOWN_VERSION = '?';
export const FIRST_VERSION = '0';

/** The version that a part which changes rule states leaves behind; no other part can leave the same. */
export function versionAfter(replica: string, part: number): string {
  return `${replica}.${part}`;
}

/** A version that also tells which readings the window held when it was judged on: so many live and so many late ones. */
export function exactVersion(version: string, count: number, late: number): string {
  return `${version}@${count}.${late}`;
}

/** A reading on its way into the store. */
export interface StoredReading {
  /** The device's own count of readings taken. */
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
  readonly json: string;
}

/**
 * How a reading enters the window. `live`: it is newer than the last state and becomes it; anything else is history: `late` came after a
 * newer one, `retained` was kept by the broker for its subscribers, so that its age is unknown, and `replayed` is part of a replay, but
 * not its newest reading.
 */
const KINDS = { live: '0', late: '1', retained: '2', replayed: '3', lateOfReplay: '4' } as const;

/** A command that a rule emitted; `ttl` in milliseconds, `json` holds source, rule and action. */
export interface EmittedCommand extends DeliveryOptions {
  readonly id: string;
  readonly lane: string;
  readonly ttl: number;
  readonly json: string;
  readonly cause: string;
  /** It repeats what the device was commanded before it restarted at this time: not taken if the device was commanded it since. */
  readonly restartedAt?: number | undefined;
}

/** A sensor's word in a quorum: `1` or `0`, or a number, and the `since` of the rule it was asked by. */
export interface Vote {
  readonly groupKey: string;
  readonly vote: string;
}

/**
 * When a device is to be judged again without a reading, server time in ms; `exact` replaces what was set before (undefined: none
 * any more), otherwise the earlier of the two counts.
 */
export interface Timer {
  readonly at: number | undefined;
  readonly exact: boolean;
}

/** What one batch says of one device: readings newer than its last state, late ones, and what the rules made of them. */
export interface DevicePart {
  readonly address: DeviceAddress;
  /** Grows per replica, so that a part whose reply was lost is recognised when it is repeated. */
  readonly part: number;
  /** The part that the store is believed to have accepted last; given only if the device has not begun to count anew since. */
  readonly after?: number | undefined;
  readonly version: string;
  /** New rule states as JSON; empty when unchanged. */
  readonly rules: string;
  /** Readings newer than the last state. */
  readonly live: readonly StoredReading[];
  /** Readings that are not, and those of retained messages. */
  readonly late: readonly StoredReading[];
  /** All of them in the order of arrival, a digit each, see `kindOf`; by default the live ones came first. */
  readonly kinds?: string | undefined;
  readonly commands: readonly EmittedCommand[];
  readonly votes?: readonly Vote[];
  readonly timer?: Timer | undefined;
}

/** How a reading arrived, apart from its order. */
export interface Arrival {
  readonly isRetained: boolean;
  /** Of a replay, and not its newest. */
  readonly isReplayed: boolean;
}

/** The digit for a reading in `kinds`. */
export function kindOf(isLive: boolean, { isRetained, isReplayed }: Arrival): string {
  if (isRetained) return KINDS.retained;
  if (isLive) return isReplayed ? KINDS.replayed : KINDS.live;
  return isReplayed ? KINDS.lateOfReplay : KINDS.late;
}

/** Whether the store says that a reading is live: a digit of `DeviceGrounds.kinds`. */
export function isLiveKind(kind: string): boolean {
  return kind === KINDS.live || kind === KINDS.replayed;
}

/** The end of a device's window as the caller believes it to be: its own last part, and the device's own numbers there. */
export interface Tail {
  readonly part: number;
  readonly n: number | undefined;
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/** The window's end after a part; undefined where the part does not tell. */
export function tailAfter(part: number, live: readonly StoredReading[]): Tail | undefined {
  const newest = live.at(-1);
  return newest && { part, n: newest.n, seq: newest.seq, at: newest.at };
}

/**
 * The part that these readings come right after, if that is all the store needs to know of what was before. It needs more where the
 * device's count or sequence begins again, where its time went back, and where a reading without a sequence may be a duplicate.
 */
export function partBefore(tail: Tail | undefined, [first]: readonly StoredReading[]): number | undefined {
  if (first === undefined || tail === undefined) return undefined;
  const { n, seq, at } = first;
  if (n !== undefined && tail.n !== undefined && n <= tail.n) return undefined;
  if (seq !== undefined && tail.seq !== undefined && seq <= tail.seq) return undefined;
  if (at !== undefined && tail.at !== undefined && (at < tail.at || (at === tail.at && seq === undefined)))
    return undefined;
  return tail.part;
}

/** The order of a device's last state: what a reading must be newer than to be the next. */
export interface Mark {
  readonly seq: number | undefined;
  readonly at: number | undefined;
}

/** What the store holds of a device, sent back with a part that was judged on other grounds. */
export interface DeviceGrounds {
  readonly version: string;
  readonly mark: Mark;
  readonly rules: string;
  /** What the device last said in a birth; undefined if it never published one. */
  readonly session: Session | undefined;
  /** As what the readings of the part are to be judged, a digit each. */
  readonly kinds: string;
}

/** What a device says of itself in a birth: it understands `_cmd` and answers. */
export interface Session {
  readonly id: number;
  /** It keeps its readings until a receipt comes. */
  readonly keeps: boolean;
  /** When the present run of the device began, server time in ms; undefined if that is not known yet. */
  readonly startedAt?: number | undefined;
}

/** What became of one emitted command. `dispatched`: this replica holds the lease and is to publish it now. */
export interface EnqueueOutcome extends Superseded {
  readonly id: string;
  readonly state: 'dispatched' | 'pending' | 'full' | 'needless';
  readonly seq: number;
  readonly expiresAt: number;
}

/** What became of one part. */
export interface PartOutcome {
  readonly kind: 'accepted' | 'repeated' | 'conflict' | 'full';
  readonly grounds?: DeviceGrounds;
  /** What became of late readings, and how many were of retained messages. */
  readonly late?: { stored: number; duplicate: number; stale: number; retained: number };
  /** A live reading has a lower number than the last state: why it is newer all the same. */
  readonly restarted?: RestartReason;
  /**
   * The device was thought away, or asleep for too long: what waits for it should go out. `stale`: it had fallen silent in the
   * midst of a session, which nobody has told of yet.
   */
  readonly back?: 'stale' | 'away';
  /** Votes that were not kept, because their group has as many as it may. */
  readonly crowded?: number;
  readonly commands: readonly EnqueueOutcome[];
}

/**
 * Why a reading with a lower `_seq` or an earlier `_at` is newer than the last state: the last state's clock was ahead, a new session began,
 * or the counter was restarted.
 */
export const RESTART_REASONS = ['clock', 'session', 'counter'] as const;
export type RestartReason = (typeof RESTART_REASONS)[number];

/** Readings wait for their answer this long before a command is dispatched again, milliseconds. */
export const LEASE_MS = 5000;

const ACCEPTED: PartOutcome = { kind: 'accepted', commands: [] };
const NONE: readonly never[] = [];

/**
 * Accepts a batch: one script for all devices in it. Outcomes are in the order of the parts. May be repeated after a failure.
 * @param replica who accepts, unique per process start; together with `part` it identifies a part
 */
export async function acceptReadings(
  redis: Redis,
  replica: string,
  parts: readonly DevicePart[],
): Promise<PartOutcome[]> {
  const keys: string[] = [];
  for (const { address } of parts) keys.push(address.deviceKey, address.windowKey);
  const positions = new Map<string, number>();
  /** Position of the first of some keys that stand together. */
  const position = (first: string, all = () => [first]): number => {
    const known = positions.get(first);
    if (known !== undefined) return known;
    const at = keys.length + 1;
    keys.push(...all());
    positions.set(first, at);
    return at;
  };
  const args: ScriptArgument[] = [
    parts.length,
    WINDOW_SIZE,
    FRESH_MS,
    replica,
    COMMANDS_KEPT_PER_DEVICE,
    MAX_OPEN_COMMANDS,
    LEASE_MS,
    Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS),
    RULE_BOUNDS.maxSensors,
  ];
  for (const {
    address,
    part,
    after,
    version,
    rules,
    live,
    late,
    kinds,
    commands,
    votes = NONE,
    timer,
  } of parts) {
    const { shard, fleet, lesson, presenceKey } = address;
    const isNew = version === NEW_DEVICE;
    const head = `${position(presenceKey)} ${part} ${isNew ? '-' : version}`;
    const plain = live.length === 1 && late.length === 0 && commands.length === 0 && votes.length === 0;
    // Named like its fleet it may be the lesson's device: the script has to know on which topic it was heard.
    const isAmbiguous = address.device === fleet;
    const isSimple =
      rules === '' && timer === undefined && !isNew && !isAmbiguous && (kinds ?? KINDS.live) === KINDS.live;
    if (plain && isSimple) {
      args.push(after === undefined ? head : `,${replica}.${after}, ${head}`);
    } else {
      const devices = isNew ? position(devicesKey(shard, fleet)) : 0;
      const fleets = isNew ? position(fleetsKey(shard)) : 0;
      const first =
        commands.length > 0
          ? position(`commands ${shard} ${fleet}`, () => countedCommandKeys(shard, fleet))
          : 0;
      const order = kinds ?? KINDS.live.repeat(live.length) + KINDS.late.repeat(late.length);
      const counts = `${live.length} ${late.length} ${commands.length}`;
      const timed = timer === undefined ? '0 ' : `${position(timersKey(shard))} ${timerText(timer)}`;
      args.push(
        `${head} ${devices} ${fleets} ${first} ${lesson ? 1 : 0} ${rules === '' ? 0 : 1} ${counts} ${timed} ${votes.length} ${order}`,
      );
      if (rules !== '') args.push(rules);
    }
    if (kinds === undefined || late.length === 0) {
      for (const reading of live) args.push(entryOf(reading, replica, part));
      for (const reading of late) args.push(entryOf(reading, replica, part));
    } else {
      let [nextLive, nextLate] = [0, 0];
      for (const kind of kinds)
        args.push(entryOf(isLiveKind(kind) ? live[nextLive++]! : late[nextLate++]!, replica, part));
    }
    for (const command of commands) {
      const { id, lane, ttl, json, cause, restartedAt } = command;
      args.push(id, lane, deliveryText(command), ttl, json, cause, restartedAt ?? '');
    }
    for (const { groupKey, vote } of votes) args.push(`${position(groupKey)} ${vote}`);
  }

  const [, ...exceptions] = (await runScript(redis, 'acceptReadings-n', keys, args)) as [
    string,
    ...Exception[],
  ];
  return decode(parts.length, exceptions);
}

function entryOf({ n, seq, at, json }: StoredReading, replica: string, part: number): string {
  return `${n ?? ''},${seq ?? ''},${at ?? ''},${replica}.${part},${json}`;
}

function timerText({ at, exact }: Timer): string {
  if (at === undefined) return '-';
  return exact ? `=${at}` : String(at);
}

type Exception = [position: number, kind: string, ...details: (string | number)[]];

function decode(count: number, exceptions: Exception[]): PartOutcome[] {
  const outcomes = new Array<PartOutcome>(count).fill(ACCEPTED);
  for (const [position, kind, ...details] of exceptions) {
    const before = outcomes[position - 1]!;
    outcomes[position - 1] = outcomeOf(before, kind, details);
  }
  return outcomes;
}

function outcomeOf(before: PartOutcome, kind: string, details: (string | number)[]): PartOutcome {
  switch (kind) {
    case 'conflict': {
      const [version, seq, at, rules, session, kinds] = details.map(String);
      const mark = { seq: seq ? Number(seq) : undefined, at: at ? Number(at) : undefined };
      return {
        kind,
        commands: [],
        grounds: { version: version!, mark, rules: rules!, session: sessionOf(session!), kinds: kinds! },
      };
    }
    case 'back':
      return { ...before, back: details[0] as 'stale' | 'away' };
    case 'crowded':
      return { ...before, crowded: (before.crowded ?? 0) + 1 };
    case 'late': {
      const [stored, duplicate, stale, retained] = details.map(Number) as [number, number, number, number];
      return { ...before, late: { stored, duplicate, stale, retained } };
    }
    case 'restarted':
      return { ...before, restarted: details[0] as RestartReason };
    case 'command': {
      const [id, state, seq, expiresAt, ...ended] = details;
      const outcome: EnqueueOutcome = {
        id: String(id),
        state: state as EnqueueOutcome['state'],
        seq: Number(seq),
        expiresAt: Number(expiresAt),
        ...supersededOf(ended.map(String)),
      };
      return { ...before, commands: [...before.commands, outcome] };
    }
    default:
      return { kind: kind as 'repeated' | 'full', commands: [] };
  }
}

/** Reads what a device's HASH has as its session; undefined for an empty one. */
export function sessionOf(stored: string): Session | undefined {
  if (stored === '') return undefined;
  const [id, online, at, telemetry, , , started] = stored.split(',');
  const startedAt = Number(started || (online === '1' && at)) || undefined;
  return { id: Number(id), keeps: telemetry === 'keep', startedAt };
}

/**
 * Whether a reading seems to come after the mark, as far as their numbers alone can say. The script decides (order.lua), and says so
 * where it finds otherwise.
 */
export function isNewer(reading: Mark, mark: Mark): boolean {
  const { seq, at } = reading;
  if (seq !== undefined && mark.seq !== undefined)
    return seq > mark.seq || (at !== undefined && mark.at !== undefined && at > mark.at);
  if (at !== undefined && mark.at !== undefined) return at >= mark.at;
  return true;
}

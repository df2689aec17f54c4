import { RULE_BOUNDS } from '@lamplighter/contracts/rule';
import type { Redis } from 'ioredis';
import { type DeliveryOptions, deliveryText } from './command-header.js';
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
} from './keys.js';
import { runScript, type ScriptArgument } from './script.js';
import { type Superseded, supersededOf } from './superseded.js';

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

/** A command that a rule emitted; `ttl` in milliseconds, `json` holds source, rule and action. */
export interface EmittedCommand extends DeliveryOptions {
  readonly id: string;
  readonly lane: string;
  readonly ttl: number;
  readonly json: string;
  readonly cause: string;
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
  readonly live: readonly StoredReading[];
  readonly late: readonly StoredReading[];
  readonly commands: readonly EmittedCommand[];
  readonly votes?: readonly Vote[];
  readonly timer?: Timer | undefined;
}

/** The end of a device's window as the caller believes it to be: its own last part, and the device's own count there. */
export interface Tail {
  readonly part: number;
  readonly n: number | undefined;
}

/** The window's end after a part; undefined where the part does not tell. */
export function tailAfter(part: number, live: readonly StoredReading[]): Tail | undefined {
  const newest = live.at(-1);
  return newest && { part, n: newest.n };
}

/** The part that these readings come right after, if that is all the store needs to know of what was before. */
export function partBefore(tail: Tail | undefined, [first]: readonly StoredReading[]): number | undefined {
  if (first === undefined || tail === undefined) return undefined;
  const beginsAnew = first.n !== undefined && tail.n !== undefined && first.n <= tail.n;
  return beginsAnew ? undefined : tail.part;
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
}

/** A device's word about itself: it understands `_cmd` and answers. Ids grow, so the higher one is the newer. */
export interface Session {
  readonly id: number;
  /** It keeps its readings until a receipt comes. */
  readonly keeps: boolean;
}

/** What became of one emitted command. `dispatched`: this replica holds the lease and is to publish it now. */
export interface EnqueueOutcome extends Superseded {
  readonly id: string;
  readonly state: 'dispatched' | 'pending' | 'full';
  readonly seq: number;
  readonly expiresAt: number;
}

/** What became of one part. */
export interface PartOutcome {
  readonly kind: 'accepted' | 'repeated' | 'conflict' | 'full';
  readonly grounds?: DeviceGrounds;
  readonly late?: { stored: number; duplicate: number; stale: number };
  /**
   * The device was thought away, or asleep for too long: what waits for it should go out. `stale`: it had fallen silent in the
   * midst of a session, which nobody has told of yet.
   */
  readonly back?: 'stale' | 'away';
  /** Votes that were not kept, because their group has as many as it may. */
  readonly crowded?: number;
  readonly commands: readonly EnqueueOutcome[];
}

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
  for (const { address, part, after, version, rules, live, late, commands, votes = NONE, timer } of parts) {
    const { shard, fleet, lesson, presenceKey } = address;
    const isNew = version === NEW_DEVICE;
    const head = `${position(presenceKey)} ${part} ${isNew ? '-' : version}`;
    const plain = live.length === 1 && late.length === 0 && commands.length === 0 && votes.length === 0;
    if (plain && rules === '' && timer === undefined && !isNew) {
      args.push(after === undefined ? head : `,${replica}.${after}, ${head}`);
    } else {
      const devices = isNew ? position(devicesKey(shard, fleet)) : 0;
      const fleets = isNew ? position(fleetsKey(shard)) : 0;
      const first =
        commands.length > 0
          ? position(`commands ${shard} ${fleet}`, () => countedCommandKeys(shard, fleet))
          : 0;
      const counts = `${live.length} ${late.length} ${commands.length}`;
      const timed = timer === undefined ? '0 ' : `${position(timersKey(shard))} ${timerText(timer)}`;
      args.push(
        `${head} ${devices} ${fleets} ${first} ${lesson ? 1 : 0} ${rules === '' ? 0 : 1} ${counts} ${timed} ${votes.length}`,
      );
      if (rules !== '') args.push(rules);
    }
    for (const reading of live) args.push(entryOf(reading, replica, part));
    for (const reading of late) args.push(entryOf(reading, replica, part));
    for (const command of commands) {
      const { id, lane, ttl, json, cause } = command;
      args.push(id, lane, deliveryText(command), ttl, json, cause);
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
      const [version, seq, at, rules, session] = details.map(String);
      const mark = { seq: seq ? Number(seq) : undefined, at: at ? Number(at) : undefined };
      return {
        kind,
        commands: [],
        grounds: { version: version!, mark, rules: rules!, session: sessionOf(session!) },
      };
    }
    case 'back':
      return { ...before, back: details[0] as 'stale' | 'away' };
    case 'crowded':
      return { ...before, crowded: (before.crowded ?? 0) + 1 };
    case 'late': {
      const [stored, duplicate, stale] = details.map(Number);
      return { ...before, late: { stored: stored!, duplicate: duplicate!, stale: stale! } };
    }
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
  const [id, , , telemetry] = stored.split(',');
  return { id: Number(id), keeps: telemetry === 'keep' };
}

/** Whether a reading comes after the mark: by sequence, then by device time, then by arrival. The script decides alike. */
export function isNewer(reading: Mark, mark: Mark): boolean {
  if (reading.seq !== undefined && mark.seq !== undefined) return reading.seq > mark.seq;
  if (reading.at !== undefined && mark.at !== undefined) return reading.at >= mark.at;
  return true;
}

import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import type { Redis } from 'ioredis';
import { deliveryText } from '../commands/command-header.js';
import type { EnqueueOutcome } from '../commands/emitted-command.js';
import { supersededOf } from '../commands/superseded.js';
import { LEASE_MS } from '../delivery/lease.js';
import { sessionOf } from '../devices/session.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  countedCommandKeys,
  devicesKey,
  FRESH_MS,
  fleetsKey,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  SHARDS,
  timersKey,
  WINDOW_SIZE,
} from '../keys.js';
import { runScript, type ScriptArgument } from '../redis/script.js';
import { NEW_DEVICE } from '../rules/state-version.js';
import type { Timer } from '../rules/timers.js';
import type { DevicePart, PartOutcome } from './device-part.js';
import { isLiveKind, KINDS, type NewReading, type RestartReason } from './reading-order.js';

const ACCEPTED: PartOutcome = { kind: 'accepted', commands: [] };

const NONE: readonly never[] = [];

/**
 * Accepts a batch: one script for all its devices. Outcomes are in the order of the parts. Can be repeated after a failure.
 * @param replica id of the caller, unique per process start; with `part` it identifies a part
 */
export async function acceptReadings(
  redis: Redis,
  replica: string,
  parts: readonly DevicePart[],
): Promise<PartOutcome[]> {
  const keys: string[] = [];
  for (const { address } of parts) keys.push(address.deviceKey, address.windowKey);
  const positions = new Map<string, number>();
  /** Position of the first key of a group of adjacent keys. */
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
    // A device named like its fleet may use the lesson topics: the script must know on which topic it reported.
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

function entryOf({ n, seq, at, json }: NewReading, replica: string, part: number): string {
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
        stored: { version: version!, mark, rules: rules!, session: sessionOf(session!), kinds: kinds! },
      };
    }
    case 'back':
      return { ...before, returnedFrom: details[0] as 'stale' | 'away' };
    case 'crowded':
      return { ...before, rejectedVotes: (before.rejectedVotes ?? 0) + 1 };
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

import { createHash } from 'node:crypto';
import type { Action, Answer, CommandState } from '@lamplighter/contracts/commands/command';
import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import type { Redis } from 'ioredis';
import { presenceOf } from '../devices/devices.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  commandKeys,
  countedCommandKeys,
  deviceKey,
  devicesKey,
  effectsKey,
  FRESH_MS,
  fleetsKey,
  idempotencyKey,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  presenceKey,
  SHARDS,
  shardOf,
  WAKE_CHANNEL,
} from '../keys.js';
import { pipelined } from '../redis/pipelined.js';
import { runScript, runScripts } from '../redis/script.js';
import { LEASE_MS } from '../telemetry/accept-readings.js';
import { type DeliveryOptions, deliveryText } from './command-header.js';
import { newCommandId, shardOfCommand } from './command-id.js';
import {
  type Command,
  type CommandBody,
  type CommandSource,
  commandJson,
  parseBody,
  readBody,
} from './read-commands.js';
import { type Superseded, supersededOf } from './superseded.js';

/** An idempotency key is remembered for a day, milliseconds. */
const IDEMPOTENCY_MS = 24 * 3_600_000;

export type EnqueueResult =
  | ({ outcome: 'enqueued'; id: string; command: Command; presence: PresenceState } & Superseded)
  | { outcome: 'repeated'; id: string }
  | { outcome: Refusal };

/** `unknown_device`: the device is not known, and must be. */
type Refusal = 'reused' | 'full' | 'unreachable' | 'fleet_full' | 'unknown_device';

/** A command that somebody asks for; `ttl` in milliseconds. One with a rollout is counted there until its end. */
export interface EnqueueRequest extends DeliveryOptions {
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly ttl: number;
  readonly action: Action;
  /** The trace that it belongs to; see contracts/src/trace-context.ts. */
  readonly traceparent?: string | undefined;
  /** Key that makes a repeated request find the command of the first one, and what the request asked for. */
  readonly idempotency?: { readonly key: string; readonly request: string };
  /** Refuses a device that the store does not know; otherwise it becomes one that was never seen. */
  readonly mustBeKnown?: boolean;
}

/** Takes a command over REST, or of a rollout, into the device's durable queue and wakes the dispatchers. */
export async function enqueueCommand(redis: Redis, request: EnqueueRequest): Promise<EnqueueResult> {
  const { fleet, device, lane, ttl, action, traceparent, idempotency, rollout } = request;
  const shard = shardOf(fleet, device);
  const id = newCommandId(shard);
  const source: CommandSource = rollout === undefined ? { source: 'api' } : { source: 'rollout', rollout };
  const cause = rollout === undefined ? 'api' : `rollout:${rollout}`;
  const delivery = deliveryText(request);
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  const [outcome, ...details] = (await runScript(
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
    [
      id,
      fleet,
      device,
      lane,
      delivery,
      ttl,
      commandJson(source, action, traceparent),
      cause,
      MAX_OPEN_COMMANDS,
      COMMANDS_KEPT_PER_DEVICE,
      idempotency ? hash(idempotency.request) : '',
      IDEMPOTENCY_MS,
      Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS),
      WAKE_CHANNEL,
      shard,
      request.mustBeKnown ? '1' : '0',
      FRESH_MS,
    ],
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
      return { outcome: outcome as Refusal };
  }
}

/** A dispatch, as whoever holds its lease names it: what is said of another one changes nothing. */
export interface Lease {
  readonly id: string;
  /** `<fleet>/<device>` */
  readonly device: string;
  readonly attempt: number;
  /** When it was claimed, or emitted: milliseconds since 1970. */
  readonly claimedAt: number;
}

/** What a claim brought: a command to publish now, or one that has ended. */
export interface Claim {
  readonly outcome: 'dispatched' | 'expired' | 'superseded' | 'unknown';
  readonly command: CommandBody;
  readonly attempt: number;
  readonly claimedAt: number;
  /** How long the lease lasts, milliseconds from `claimedAt`. */
  readonly leaseMs: number;
  /** The device has published a birth at some time, so it understands `_cmd` and answers. */
  readonly announced: boolean;
  /** The device speaks on the lesson's two-level topics. */
  readonly lesson: boolean;
  /** Commands of the lane that were cancelled because this one failed. */
  readonly aborted: readonly string[];
}

/** The shards in which a command is due for dispatch, or its lease or time to live has ended; and the clock by which that is so, ms. */
export async function findDueShards(redis: Redis): Promise<{ now: number; shards: number[] }> {
  const [now, ...positions] = (await runScript(redis, 'findDue-64', DUE_KEYS, [])) as [string, ...number[]];
  return { now: Number(now), shards: positions.map((position) => position - 1) };
}

const DUE_KEYS = Array.from({ length: SHARDS }, (_, shard) => commandKeys(shard)[5]!);

/**
 * Claims what is due in the given shards, at most `limit` in each, and ends what is overdue. What is for a device that is away
 * is not among it.
 * @param hasMore is called with each shard in which more may be due
 */
export async function claimCommands(
  redis: Redis,
  shards: readonly number[],
  limit: number,
  hasMore: (shard: number) => void = () => undefined,
): Promise<Claim[]> {
  const replies = await claimDue(redis, shards, limit, hasMore);
  const claims = replies.flatMap(([now, ...some]) =>
    some.map(([id, outcome, attempt, value, until, session, lesson]) => ({
      isOverdue: outcome === 'overdue',
      command: readBody(id, value),
      attempt,
      claimedAt: Number(now),
      leaseMs: Number(until) - Number(now),
      announced: session !== '',
      lesson: lesson === '1',
    })),
  );
  const ends = await endOverdue(
    redis,
    claims.filter(({ isOverdue }) => isOverdue).map(({ command }) => command),
  );
  return claims.flatMap(({ isOverdue, ...claim }) => {
    const end = ends.get(claim.command.id);
    if (isOverdue && end === undefined) return []; // another replica was first
    return [{ ...claim, outcome: end?.outcome ?? 'dispatched', aborted: end?.aborted ?? [] }];
  });
}

type ClaimReply = [
  now: string,
  ...claims: [
    id: string,
    outcome: 'dispatched' | 'overdue',
    attempt: number,
    value: string,
    until: string,
    session: string,
    lesson: string,
  ][],
];

/** Whose commands are due has to be known before they are claimed: a script declares its keys, and presence is the device's. */
async function claimDue(
  redis: Redis,
  shards: readonly number[],
  limit: number,
  hasMore: (shard: number) => void,
): Promise<ClaimReply[]> {
  const found = (await runScripts(
    redis,
    'findDueCommands-2',
    shards.map((shard) => {
      const [commands, , , , , due] = commandKeys(shard);
      return { keys: [due!, commands!], args: [limit] };
    }),
  )) as string[][];
  const calls = shards.flatMap((shard, i) => {
    const due = found[i]!;
    if (due.length === 0) return [];
    if (due.length === 2 * limit) hasMore(shard);
    const keys = commandKeys(shard);
    const positions = new Map<string, number>();
    const position = (key: string): number => {
      const known = positions.get(key) ?? keys.push(key);
      positions.set(key, known);
      return known;
    };
    const args: (string | number)[] = [LEASE_MS, FRESH_MS];
    for (let at = 0; at < due.length; at += 2) {
      const [fleet, device] = due[at + 1]!.split('/');
      if (fleet === undefined || device === undefined) args.push(due[at]!, '', '');
      else
        args.push(due[at]!, position(deviceKey(shard, fleet, device)), position(presenceKey(shard, fleet)));
    }
    return [{ keys, args }];
  });
  return (await runScripts(redis, 'claimCommands-n', calls)) as ClaimReply[];
}

type OverdueEnd = 'expired' | 'superseded' | 'unknown';

/** Ends commands whose time is over; those that another replica has ended, or that have moved on, are left out. */
async function endOverdue(redis: Redis, commands: readonly CommandBody[]) {
  const replies = (await runScripts(
    redis,
    'endOverdue-10',
    commands.map(({ id, fleet, device }) => {
      const [own, ...others] = endingKeys(fleet, device) as [string, ...string[]];
      const presence = presenceKey(shardOf(fleet, device), fleet);
      return { keys: [own, presence, ...others], args: [id, device, FRESH_MS] };
    }),
  )) as [outcome: OverdueEnd | 'moved_on', nextIsDue: number, ...aborted: string[]][];
  const ends = new Map<string, { outcome: OverdueEnd; aborted: string[] }>();
  for (const [i, [outcome, , ...aborted]] of replies.entries())
    if (outcome !== 'moved_on') ends.set(commands[i]!.id, { outcome, aborted });
  return ends;
}

/** The keys of a script that may end a command of this device, which is in the shard of the command. */
const endingKeys = (fleet: string, device: string, shard = shardOf(fleet, device)) => [
  deviceKey(shard, fleet, device),
  ...countedCommandKeys(shard, fleet),
];

/**
 * Gives claimed commands back; a command that has moved on since is left alone. `waitMs` is the least time until the next try;
 * commands that have long been waiting wait longer (see requeueCommand-7.lua).
 * @returns the shards in which one is due at once: its device has announced itself meanwhile, or the next claim ends it, for a newer
 *   command has overtaken it or its policy is `now`
 */
export async function requeueCommands(
  redis: Redis,
  leases: readonly (Lease & { waitMs: number; cause: string })[],
): Promise<Set<number>> {
  const replies = await runScripts(
    redis,
    'requeueCommand-7',
    leases.map(({ id, device, attempt, claimedAt, waitMs, cause }) => {
      const [fleet, name] = device.split('/') as [string, string];
      const shard = shardOf(fleet, name);
      return {
        keys: [deviceKey(shard, fleet, name), ...commandKeys(shard)],
        args: [id, `${claimedAt},${attempt}`, waitMs, cause],
      };
    }),
  );
  return new Set(leases.filter((_, i) => replies[i] === 2).map(({ id }) => shardOfCommand(id) ?? 0));
}

/** What an answer did: the new state, or why it changed nothing; and whose command it was and how old, milliseconds. */
export interface AnswerOutcome {
  readonly outcome: CommandState | 'repeated' | 'late' | 'missing' | 'foreign';
  readonly source: CommandSource['source'];
  readonly ageMs: number;
  /** The next command of the lane is due now: the shard wants a claim. */
  readonly nextIsDue: boolean;
  /** The device was presumed away: what waits for it should be woken. */
  readonly isBack: boolean;
  /** Commands of the lane that were cancelled because this one failed. */
  readonly aborted: readonly string[];
}

/** Records answers of devices. `device` is `<fleet>/<device>`. */
export async function answerCommands(
  redis: Redis,
  answers: readonly { device: string; answer: Answer; cause: string }[],
): Promise<AnswerOutcome[]> {
  const calls = answers.map(({ device, answer: { id, ...said }, cause }) => {
    // What is kept is the device's last word; that it has the command is in the transitions.
    const json = said.status === 'acknowledged' ? '' : JSON.stringify(said);
    return { id, device, args: [said.status, json, cause, ''] };
  });
  return (await runAnswers(redis, calls)).map(toAnswerOutcome);
}

/**
 * Gives up dispatches that no device will ever answer: their commands end as `unknown`.
 * @returns undefined for a command that has moved on since, and stays as it is
 */
export async function giveUpCommands(
  redis: Redis,
  leases: readonly (Lease & { cause: string })[],
): Promise<(AnswerOutcome | undefined)[]> {
  const calls = leases.map(({ id, device, attempt, claimedAt, cause }) => ({
    id,
    device,
    args: ['unknown', '', cause, `${claimedAt},${attempt}`],
  }));
  return (await runAnswers(redis, calls)).map((reply) =>
    reply[0] === 'unknown' ? toAnswerOutcome(reply) : undefined,
  );
}

type AnswerReply = [
  outcome: string,
  source: CommandSource['source'],
  ageMs: number,
  next?: number,
  back?: number,
  ...aborted: string[],
];

function toAnswerOutcome([outcome, source, ageMs, next, back, ...aborted]: AnswerReply): AnswerOutcome {
  return {
    outcome: outcome as AnswerOutcome['outcome'],
    source,
    ageMs,
    nextIsDue: next === 1,
    isBack: back === 1,
    aborted,
  };
}

async function runAnswers(
  redis: Redis,
  answers: readonly { id: string; device: string; args: string[] }[],
): Promise<AnswerReply[]> {
  const calls = answers.map(({ id, device, args }) => {
    const [fleet, name] = device.split('/') as [string, string];
    const shard = shardOfCommand(id) ?? 0;
    const keys = [...endingKeys(fleet, name, shard), effectsKey(shard), presenceKey(shard, fleet)];
    return { keys, args: [id, device, ...args, FRESH_MS] };
  });
  return (await runScripts(redis, 'answerCommand-11', calls)) as AnswerReply[];
}

/**
 * Cancels a pending command. One of which an attempt has had no answer ends as `unknown`.
 * @returns the state that it has now, and whether this call ended it; if not, that state forbids it
 */
export async function cancelCommand(
  redis: Redis,
  id: string,
  cause = 'api',
): Promise<{ state: CommandState | 'missing'; isOurs: boolean }> {
  const shard = shardOfCommand(id);
  const value = shard === undefined ? null : await redis.hget(commandKeys(shard)[0]!, id);
  if (value === null) return { state: 'missing', isOurs: false };
  const { fleet, device } = readBody(id, value);
  const [state, isOurs] = (await runScript(redis, 'cancelCommand-9', endingKeys(fleet, device), [
    id,
    cause,
  ])) as [CommandState | 'missing', 0 | 1];
  return { state, isOurs: isOurs === 1 };
}

/** Devices that come back are served at this pace by each replica: the first at once, the next after so long. Milliseconds. */
const WAKE_EVERY_MS = 2;
/** Until when the devices that came back so far are served, by connection; on the monotonic clock, milliseconds. */
const served = new WeakMap<Redis, number>();

/**
 * Makes what waits for these devices due: the first one's now, the others' a little later each, so that a fleet that comes
 * back is not served all at once. Devices for which nothing waits take no turn.
 * @returns the number of lanes woken
 */
export async function wakeDevices(
  redis: Redis,
  devices: readonly { shard: number; name: string }[],
): Promise<number> {
  const waiting = await pipelined(redis, devices, (pipeline, { shard, name }) =>
    pipeline.zrangebylex(commandKeys(shard)[3]!, `[${name}/`, `(${name}0`, 'LIMIT', 0, 1),
  );
  const now = performance.now();
  let next = Math.max(now, served.get(redis) ?? 0);
  const calls = devices
    .filter((_, i) => (waiting[i] as string[]).length > 0)
    .map(({ shard, name }) => {
      const [fleet, device] = name.split('/') as [string, string];
      const delay = Math.round(next - now);
      next += WAKE_EVERY_MS;
      return { keys: [deviceKey(shard, fleet, device), ...commandKeys(shard)], args: [name, delay] };
    });
  served.set(redis, next);
  const idle = devices.filter((_, i) => (waiting[i] as string[]).length === 0);
  const [woken] = await Promise.all([
    runScripts(redis, 'wakeDevice-7', calls),
    pipelined(redis, idle, (pipeline, { shard, name }) => {
      const [fleet, device] = name.split('/') as [string, string];
      return pipeline.hdel(deviceKey(shard, fleet, device), 'back');
    }),
  ]);
  return woken.reduce<number>((sum, count) => sum + Number(count), 0);
}

/**
 * Lets a lane go on that a failure has stopped.
 * @returns the id of the command that had stopped it; undefined if the lane is not stopped
 */
export async function resumeLane(
  redis: Redis,
  fleet: string,
  device: string,
  lane: string,
): Promise<string | undefined> {
  const shard = shardOf(fleet, device);
  const stoppedBy = (await runScript(
    redis,
    'resumeLane-7',
    [deviceKey(shard, fleet, device), ...commandKeys(shard)],
    [`${fleet}/${device}`, lane, WAKE_CHANNEL, shard],
  )) as string | null;
  return stoppedBy ?? undefined;
}

/** A lane that a failure has stopped, and the command that failed. */
export interface StoppedLane {
  readonly lane: string;
  readonly stoppedBy: string;
}

/** The stopped lanes of a device, by name. */
export async function stoppedLanes(redis: Redis, fleet: string, device: string): Promise<StoppedLane[]> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const lanes = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(key, cursor, 'MATCH', 'stopped:*', 'COUNT', 1000);
    for (let i = 0; i < fields.length; i += 2) lanes.set(fields[i]!.slice('stopped:'.length), fields[i + 1]!);
    cursor = next;
  } while (cursor !== '0');
  return [...lanes]
    .map(([lane, stoppedBy]) => ({ lane, stoppedBy }))
    .sort((a, b) => (a.lane < b.lane ? -1 : 1));
}

import { createHash } from 'node:crypto';
import type { Action, Answer, CommandState, Transition } from '@lamplighter/contracts/command';
import { FINAL_STATES } from '@lamplighter/contracts/command';
import type { Redis } from 'ioredis';
import { LEASE_MS } from './accept-readings.js';
import { type CommandHeader, type DeliveryOptions, deliveryText, parseHeader } from './command-header.js';
import { newCommandId, shardOfCommand } from './command-id.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  commandKeys,
  deviceKey,
  devicesKey,
  fleetsKey,
  idempotencyKey,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  presenceKey,
  SHARDS,
  shardOf,
  WAKE_CHANNEL,
} from './keys.js';
import { runScript, runScripts } from './script.js';

/** A dispatch without an answer is repeated this often, in all, before the command ends as `unknown`. */
export const MAX_ATTEMPTS = 5;
/** An idempotency key is remembered for a day, milliseconds. */
const IDEMPOTENCY_MS = 24 * 3_600_000;

/** Who caused a command. */
export type CommandSource =
  | { source: 'rule'; rule: string }
  | { source: 'api' }
  | { source: 'rollout'; rollout: string };

/** A command as it is kept. Times are milliseconds since 1970 on the clock of Redis. */
export type Command = CommandBody & {
  readonly state: CommandState;
  readonly attempt: number;
  readonly createdAt: number;
  readonly transitions: readonly Transition[];
  readonly answer?: Answer;
};

/** The part of a command that never changes. */
export type CommandBody = CommandSource &
  Omit<CommandHeader, 'rollout'> & { readonly id: string; readonly action: Action };

/** What is written once, below the header line that the scripts read and that names the rollout. */
export function commandJson(source: CommandSource, action: Action): string {
  if (source.source === 'rule') return JSON.stringify({ source: 'rule', rule: source.rule, action });
  return JSON.stringify({ source: source.source, action });
}

export type EnqueueResult =
  | { outcome: 'enqueued'; id: string; superseded: readonly string[]; command: Command }
  | { outcome: 'repeated'; id: string }
  | { outcome: 'reused' | 'full' | 'unreachable' | 'fleet_full' };

/** A command that somebody asks for; `ttl` in milliseconds. One with a rollout is counted there until its end. */
export interface EnqueueRequest extends DeliveryOptions {
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly ttl: number;
  readonly action: Action;
  /** Key that makes a repeated request find the command of the first one, and what the request asked for. */
  readonly idempotency?: { readonly key: string; readonly request: string };
}

/** Takes a command over REST, or of a rollout, into the device's durable queue and wakes the dispatchers. */
export async function enqueueCommand(redis: Redis, request: EnqueueRequest): Promise<EnqueueResult> {
  const { fleet, device, lane, ttl, action, idempotency, rollout } = request;
  const shard = shardOf(fleet, device);
  const id = newCommandId(shard);
  const source: CommandSource = rollout === undefined ? { source: 'api' } : { source: 'rollout', rollout };
  const cause = rollout === undefined ? 'api' : `rollout:${rollout}`;
  const delivery = deliveryText(request);
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  const [outcome, ...details] = (await runScript(
    redis,
    'enqueueCommand-11',
    [
      deviceKey(shard, fleet, device),
      presenceKey(shard, fleet),
      devicesKey(shard, fleet),
      fleetsKey(shard),
      idempotencyKey(shard, fleet, device, idempotency ? hash(idempotency.key) : ''),
      ...commandKeys(shard),
    ],
    [
      id,
      fleet,
      device,
      lane,
      delivery,
      ttl,
      commandJson(source, action),
      cause,
      MAX_OPEN_COMMANDS,
      COMMANDS_KEPT_PER_DEVICE,
      idempotency ? hash(idempotency.request) : '',
      IDEMPOTENCY_MS,
      Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS),
      WAKE_CHANNEL,
      shard,
    ],
  )) as [string, ...string[]];
  switch (outcome) {
    case 'enqueued': {
      const [seq, createdAt, expiresAt, ...superseded] = details;
      const at = Number(createdAt);
      const command: Command = {
        ...parseBody(id, `${fleet}/${device}/${lane} ${seq} ${expiresAt} ${delivery}`, { ...source, action }),
        state: 'pending',
        attempt: 0,
        createdAt: at,
        transitions: [{ state: 'pending', at, attempt: 0, cause }],
      };
      return { outcome, id, superseded, command };
    }
    case 'repeated':
      return { outcome, id: details[0]! };
    default:
      return { outcome: outcome as 'reused' | 'full' | 'unreachable' | 'fleet_full' };
  }
}

/** What a claim brought: a command to publish now, or one that has ended. */
export interface Claim {
  readonly outcome: 'dispatched' | 'expired' | 'unknown';
  readonly command: CommandBody;
  readonly attempt: number;
  /** The device has published a birth at some time, so it understands `_cmd` and answers. */
  readonly announced: boolean;
  /** The device speaks on the lesson's two-level topics. */
  readonly lesson: boolean;
}

/** The shards in which a command is due for dispatch, or its lease or time to live has ended. */
export async function findDueShards(redis: Redis): Promise<number[]> {
  const positions = (await runScript(redis, 'findDue-64', DUE_KEYS, [])) as number[];
  return positions.map((position) => position - 1);
}

const DUE_KEYS = Array.from({ length: SHARDS }, (_, shard) => commandKeys(shard)[5]!);

/** Claims what is due in the given shards, at most `limit` in each. */
export async function claimCommands(
  redis: Redis,
  shards: readonly number[],
  limit: number,
): Promise<Claim[]> {
  const replies = (await runScripts(
    redis,
    'claimCommands-6',
    shards.map((shard) => ({ keys: commandKeys(shard), args: [limit, LEASE_MS, MAX_ATTEMPTS] })),
  )) as [id: string, outcome: Claim['outcome'], attempt: number, value: string][][];
  const claims = replies
    .flat()
    .map(([id, outcome, attempt, value]) => ({ outcome, attempt, command: readBody(id, value) }));
  if (claims.length === 0) return [];
  const facts = redis.pipeline();
  for (const { command } of claims) {
    const { fleet, device } = command;
    facts.hmget(deviceKey(shardOf(fleet, device), fleet, device), 'session', 'lesson');
  }
  const replied = (await facts.exec()) ?? [];
  return claims.map((claim, i) => {
    const [error, reply] = replied[i]!;
    if (error) throw error;
    const [session, lesson] = reply as (string | null)[];
    return { ...claim, announced: Boolean(session), lesson: lesson === '1' };
  });
}

/**
 * Gives claimed commands back; a command that has moved on since is left alone. `device` is `<fleet>/<device>`.
 * @returns the shards in which one is due again at once, since its device has announced itself meanwhile
 */
export async function requeueCommands(
  redis: Redis,
  commands: readonly { id: string; device: string; attempt: number; waitMs: number; cause: string }[],
): Promise<Set<number>> {
  const replies = await runScripts(
    redis,
    'requeueCommand-7',
    commands.map(({ id, device, attempt, waitMs, cause }) => {
      const [fleet, name] = device.split('/') as [string, string];
      const shard = shardOf(fleet, name);
      return {
        keys: [deviceKey(shard, fleet, name), ...commandKeys(shard)],
        args: [id, attempt, waitMs, cause],
      };
    }),
  );
  return new Set(commands.filter((_, i) => replies[i] === 2).map(({ id }) => shardOfCommand(id) ?? 0));
}

/** What an answer did: the new state, or why it changed nothing; and whose command it was and how old, milliseconds. */
export interface AnswerOutcome {
  readonly outcome: CommandState | 'repeated' | 'late' | 'missing' | 'foreign';
  readonly source: CommandSource['source'];
  readonly ageMs: number;
  /** The next command of the lane is due now: the shard wants a claim. */
  readonly nextIsDue: boolean;
}

/** Records answers of devices, and `unknown` for devices that never answer. `device` is `<fleet>/<device>`. */
export async function answerCommands(
  redis: Redis,
  answers: readonly {
    device: string;
    answer: Omit<Answer, 'status'> & { status: Answer['status'] | 'unknown' };
    cause: string;
  }[],
): Promise<AnswerOutcome[]> {
  const replies = await runScripts(
    redis,
    'answerCommand-6',
    answers.map(({ device, answer, cause }) => {
      const { id, ...said } = answer;
      const { status } = said;
      // What is kept is the device's last word; that it has the command is in the transitions.
      const json = status === 'acknowledged' || status === 'unknown' ? '' : JSON.stringify(said);
      return {
        keys: commandKeys(shardOfCommand(id) ?? 0),
        args: [id, device, status, json, cause, LEASE_MS * 12],
      };
    }),
  );
  return (replies as [AnswerOutcome['outcome'], CommandSource['source'], number, number?][]).map(
    ([outcome, source, ageMs, next]) => ({ outcome, source, ageMs, nextIsDue: next === 1 }),
  );
}

/** Cancels a pending command; otherwise tells the state that forbids it. */
export async function cancelCommand(redis: Redis, id: string): Promise<CommandState | 'missing'> {
  const shard = shardOfCommand(id);
  if (shard === undefined) return 'missing';
  return (await runScript(redis, 'cancelCommand-6', commandKeys(shard), [id, 'api'])) as
    | CommandState
    | 'missing';
}

/** Makes what waits for these devices due now. */
export async function wakeDevices(
  redis: Redis,
  devices: readonly { shard: number; name: string }[],
): Promise<number> {
  const woken = await runScripts(
    redis,
    'wakeDevice-6',
    devices.map(({ shard, name }) => ({ keys: commandKeys(shard), args: [name] })),
  );
  return woken.reduce<number>((sum, count) => sum + Number(count), 0);
}

/** Reads one command; undefined if there is none. */
export async function readCommand(redis: Redis, id: string): Promise<Command | undefined> {
  const shard = shardOfCommand(id);
  if (shard === undefined) return undefined;
  return (await readCommands(redis, shard, [id]))[0];
}

/**
 * Lists a device's commands, newest first.
 * @param before only those older than this command id
 */
export async function listCommands(
  redis: Redis,
  fleet: string,
  device: string,
  options: { limit: number; before?: string },
): Promise<Command[]> {
  const shard = shardOf(fleet, device);
  const prefix = `${fleet}/${device}/`;
  const index = commandKeys(shard)[4]!;
  const from = options.before === undefined ? `(${fleet}/${device}0` : `(${prefix}${options.before}`;
  const members = await redis.zrevrangebylex(index, from, `[${prefix}`, 'LIMIT', 0, options.limit);
  return readCommands(
    redis,
    shard,
    members.map((member) => member.slice(prefix.length)),
  );
}

async function readCommands(redis: Redis, shard: number, ids: readonly string[]): Promise<Command[]> {
  if (ids.length === 0) return [];
  const [commandsKey, transitionsKey, answersKey] = commandKeys(shard) as [string, string, string];
  const [values, histories, answers] = await Promise.all([
    redis.hmget(commandsKey, ...ids),
    redis.hmget(transitionsKey, ...ids),
    redis.hmget(answersKey, ...ids),
  ]);
  return ids.flatMap((id, i) => {
    const [value, history, answer] = [values[i], histories[i], answers[i]];
    if (!value || !history) return [];
    const transitions = parseTransitions(history);
    const last = transitions.at(-1)!;
    return [
      {
        ...readBody(id, value),
        state: last.state,
        attempt: last.attempt,
        createdAt: transitions[0]!.at,
        transitions,
        ...(answer && { answer: { id, ...JSON.parse(answer) } as Answer }),
      },
    ];
  });
}

function readBody(id: string, value: string): CommandBody {
  const end = value.indexOf('\n');
  return parseBody(id, value.slice(0, end), JSON.parse(value.slice(end + 1)) as Body);
}

interface Body {
  readonly source: CommandSource['source'];
  readonly rule?: string;
  readonly action: Action;
}

function parseBody(id: string, headerLine: string, { source, rule, action }: Body): CommandBody {
  const { rollout, ...header } = parseHeader(headerLine);
  return { id, ...header, ...sourceOf(source, rule, rollout), action };
}

function sourceOf(source: CommandSource['source'], rule = '', rollout = ''): CommandSource {
  if (source === 'rule') return { source, rule };
  return source === 'rollout' ? { source, rollout } : { source };
}

function parseTransitions(history: string): Transition[] {
  return history.split(';').map((entry) => {
    const [state, at, attempt, cause] = entry.split(',');
    return { state: state as CommandState, at: Number(at), attempt: Number(attempt), cause: cause! };
  });
}

/** Whether a state is one that never changes. */
export function isFinal(state: CommandState): boolean {
  return (FINAL_STATES as readonly CommandState[]).includes(state);
}

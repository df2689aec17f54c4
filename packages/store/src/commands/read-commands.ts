import type {
  Acknowledgement,
  Action,
  CommandState,
  Transition,
} from '@lamplighter/contracts/commands/command';
import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { Redis } from 'ioredis';
import { commandKeys, shardOf } from '../keys.js';
import { type CommandHeader, parseHeader } from './command-header.js';
import { shardOfCommand } from './command-id.js';
import { type CommandEffect, type ExpectedEffect, effectField, effectOf } from './effect-record.js';
import { type InvalidAcknowledgement, invalidField, parseInvalid } from './invalid-acknowledgements.js';

/** Who caused a command. */
export type CommandSource =
  | {
      source: 'rule';
      rule: string;
      /** The evidence of the rule. */
      because?: object | undefined;
      /** What telemetry should show once the command has succeeded. */
      expected?: ExpectedEffect | undefined;
    }
  | {
      source: 'api';
      /** The id of the API key that sent it. */
      key?: string | undefined;
    }
  | { source: 'rollout'; rollout: string };

/** A stored command. Times are milliseconds since 1970 on the Redis clock. */
export type Command = CommandBody & {
  readonly state: CommandState;
  readonly attempt: number;
  readonly createdAt: number;
  readonly transitions: readonly Transition[];
  readonly acknowledgement?: Acknowledgement;
  /** Invalid acknowledgements, newest first, at most `MAX_INVALID`. */
  readonly invalid?: readonly InvalidAcknowledgement[];
  /** If its rule expects one, and the command can still have it. */
  readonly effect?: CommandEffect;
};

/** The part of a command that never changes. */
export type CommandBody = CommandSource &
  Omit<CommandHeader, 'rollout'> & {
    readonly id: string;
    readonly action: Action;
    /** The trace that the command belongs to, for the device and for the logs. */
    readonly traceparent?: string;
  };

/**
 * The JSON below the header line, written once. Functions match its beginning: the source, and how long the effect is checked. The expected
 * effect is stored in the command, so changing or deleting the rule does not affect the commands that it has emitted.
 */
export function commandJson(source: CommandSource, action: Action, traceparent?: string): string {
  const { rule, because, expected } = source.source === 'rule' ? source : ({} as Partial<RuleSource>);
  const key = source.source === 'api' ? source.key : undefined;
  const body: Body = {
    source: source.source,
    ...(expected && { effect_ms: expected.withinMs }),
    ...(rule !== undefined && { rule }),
    ...(expected && { expect: expected.expect }),
    action,
    ...(because && { because }),
    ...(traceparent !== undefined && { traceparent }),
    ...(key !== undefined && { key }),
  };
  return JSON.stringify(body);
}

type RuleSource = Extract<CommandSource, { source: 'rule' }>;

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

/** A device's commands after another one, oldest first, at most `limit`. */
export async function listCommandsAfter(
  redis: Redis,
  { fleet, device, id }: { fleet: string; device: string; id: string },
  limit: number,
): Promise<Command[]> {
  const shard = shardOf(fleet, device);
  const prefix = `${fleet}/${device}/`;
  const index = commandKeys(shard)[4]!;
  const until = `(${fleet}/${device}0`;
  const members = await redis.zrangebylex(index, `(${prefix}${id}`, until, 'LIMIT', 0, limit);
  return readCommands(
    redis,
    shard,
    members.map((member) => member.slice(prefix.length)),
  );
}

/** Reads commands of one shard; pruned ones are left out. */
export async function readCommands(redis: Redis, shard: number, ids: readonly string[]): Promise<Command[]> {
  if (ids.length === 0) return [];
  const [commandsKey, transitionsKey, acknowledgementsKey] = commandKeys(shard) as [string, string, string];
  const [values, transitionTexts, acknowledgements] = await Promise.all([
    redis.hmget(commandsKey, ...ids),
    redis.hmget(transitionsKey, ...ids),
    redis.hmget(acknowledgementsKey, ...ids, ...ids.map(effectField), ...ids.map(invalidField)),
  ]);
  return ids.flatMap((id, i) => {
    const [value, transitionText, acknowledgement] = [values[i], transitionTexts[i], acknowledgements[i]];
    if (!value || !transitionText) return [];
    const transitions = parseTransitions(transitionText);
    const last = transitions.at(-1)!;
    const body = readBody(id, value);
    const expected = body.source === 'rule' ? body.expected : undefined;
    const effect = effectOf(expected, last.state, acknowledgements[ids.length + i]);
    const invalid = parseInvalid(acknowledgements[2 * ids.length + i]);
    return [
      {
        ...body,
        state: last.state,
        attempt: last.attempt,
        createdAt: transitions[0]!.at,
        transitions,
        ...(acknowledgement && {
          acknowledgement: { id, ...JSON.parse(acknowledgement) } as Acknowledgement,
        }),
        ...(invalid.length > 0 && { invalid }),
        ...(effect && { effect }),
      },
    ];
  });
}

/** Parses a value of the `commands` HASH: a header line and JSON. */
export function readBody(id: string, value: string): CommandBody {
  const end = value.indexOf('\n');
  return parseBody(id, value.slice(0, end), JSON.parse(value.slice(end + 1)) as Body);
}

/** The JSON below the header line. */
export interface Body {
  readonly source: CommandSource['source'];
  /** How long after its success the effect is checked, milliseconds; functions read it here. */
  readonly effect_ms?: number;
  readonly rule?: string;
  /** The effect, as an expression. */
  readonly expect?: string;
  readonly action: Action;
  /** The evidence of the rule. */
  readonly because?: object;
  /** 55 characters; see contracts/src/trace-context.ts. */
  readonly traceparent?: string;
  /** The id of the API key. */
  readonly key?: string;
}

export function parseBody(id: string, headerLine: string, body: Body): CommandBody {
  const { rollout, ...header } = parseHeader(headerLine);
  const { action, traceparent } = body;
  return {
    id,
    ...header,
    ...sourceOf(body, rollout),
    action,
    ...(traceparent !== undefined && { traceparent }),
  };
}

function sourceOf(
  { source, rule = '', because, expect, effect_ms: withinMs, key }: Body,
  rollout = '',
): CommandSource {
  if (source === 'api') return { source, ...(key !== undefined && { key }) };
  if (source === 'rollout') return { source, rollout };
  const expected = expect !== undefined && withinMs !== undefined && { expect, withinMs };
  return { source, rule, ...(because && { because }), ...(expected && { expected }) };
}

function parseTransitions(text: string): Transition[] {
  return text.split(';').map((entry) => {
    const [state, at, attempt, cause] = entry.split(',');
    return { state: state as CommandState, at: Number(at), attempt: Number(attempt), cause: cause! };
  });
}

/** Whether a state is final. */
export function isFinal(state: CommandState): boolean {
  return (FINAL_STATES as readonly CommandState[]).includes(state);
}

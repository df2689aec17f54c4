import type { Action } from '@lamplighter/contracts/commands/command';
import { defaultLane } from '@lamplighter/contracts/commands/command';
import type { PromisedEnd } from '@lamplighter/evaluation/context/rule-state';
import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { promiseCause } from '@lamplighter/store/commands/command-header';
import { newCommandId } from '@lamplighter/store/commands/command-id';
import type { EmittedCommand } from '@lamplighter/store/commands/emitted-command';
import { type CommandSource, commandJson } from '@lamplighter/store/commands/read-commands';
import { expectedEffect } from '../effects/expected-effect.js';

/** What led to a verdict. */
export interface Occasion {
  /** Monotonic time of the reading's arrival, or of a timer's verdict, milliseconds. */
  readonly takenAt: number;
  /** The trace of the reading's message; the command that it causes belongs to it. */
  readonly traceparent: string | undefined;
}

/** A command that a rule emitted, with what is needed to publish it. */
export interface DecidedCommand extends EmittedCommand, Occasion {
  /** Undefined of a command that ends what a rule had started which no longer judges. */
  readonly rule: CompiledRule | undefined;
  readonly action: Action;
  readonly actionJson: string;
}

/** What a verdict leads to. */
export interface Emission {
  readonly action: Action;
  /** Which side of the rule it is; undefined of a safe action. */
  readonly raise: boolean | undefined;
  readonly because: Evidence;
  /** It repeats what was commanded before the device restarted then, server time in ms. */
  readonly restartedAt?: number | undefined;
}

/** The command that a rule emits for a device of a shard. */
export function commandOf(
  rule: CompiledRule,
  { action, raise, because, restartedAt }: Emission,
  shard: number,
  occasion: Occasion,
): DecidedCommand {
  const expected = expectedEffect(rule, raise);
  const source = { source: 'rule', rule: rule.id, because, expected } as const;
  const { policy, ttlMs, timeoutMs, attempts, onFailure } = rule;
  const delivery = {
    lane: rule.lane ?? defaultLane(action),
    policy,
    ttl: ttlMs,
    timeoutMs,
    attempts,
    onFailure,
  };
  return { ...judged(source, action, `rule:${rule.id}`, shard, occasion), ...delivery, rule, restartedAt };
}

/** The command that ends what a rule has started, as it was promised. It has room also in a queue that is full for others. */
export function endingCommandOf(
  { id, rule }: { readonly id: string; readonly rule: CompiledRule | undefined },
  { action, lane, policy, ttlMs, timeoutMs, attempts, onFailure }: PromisedEnd,
  because: Evidence,
  shard: number,
  occasion: Occasion,
): DecidedCommand {
  const source = { source: 'rule', rule: id, because } as const;
  const delivery = { lane, policy, ttl: ttlMs, timeoutMs, attempts, onFailure };
  return { ...judged(source, action, promiseCause(id), shard, occasion), ...delivery, rule };
}

function judged(
  source: CommandSource,
  action: Action,
  cause: string,
  shard: number,
  { takenAt, traceparent }: Occasion,
) {
  return {
    id: newCommandId(shard),
    json: commandJson(source, action, traceparent),
    cause,
    action,
    actionJson: JSON.stringify(action),
    takenAt,
    traceparent,
  };
}

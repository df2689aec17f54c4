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

/** The reading or timer that caused a command. */
export interface CommandOrigin {
  /** When the reading arrived or the timer was evaluated: monotonic time, milliseconds. */
  readonly arrivedAt: number;
  /** Trace context of the reading's message, propagated to the command. */
  readonly traceparent: string | undefined;
}

/** A command that a rule emitted, with what is needed to publish it. */
export interface DecidedCommand extends EmittedCommand, CommandOrigin {
  /** Undefined if the command ends a run or releases a verdict of a rule that is no longer in force. */
  readonly rule: CompiledRule | undefined;
  readonly action: Action;
  readonly actionJson: string;
}

/** The result of a verdict. */
export interface Emission {
  readonly action: Action;
  /** True for `then`, false for `else`; undefined for the safe action of a quorum. */
  readonly raise: boolean | undefined;
  readonly because: Evidence;
  /** Set if the command is repeated because the device restarted: when it did, server time in ms. */
  readonly restartedAt?: number | undefined;
}

/** The command that a rule emits for a device. */
export function commandOf(
  rule: CompiledRule,
  { action, raise, because, restartedAt }: Emission,
  shard: number,
  origin: CommandOrigin,
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
  return { ...commandBase(source, action, `rule:${rule.id}`, shard, origin), ...delivery, rule, restartedAt };
}

/** The promised end of a run or verdict. It is enqueued even if the device's queue is full. */
export function endingCommandOf(
  { id, rule }: { readonly id: string; readonly rule: CompiledRule | undefined },
  { action, lane, policy, ttlMs, timeoutMs, attempts, onFailure }: PromisedEnd,
  because: Evidence,
  shard: number,
  origin: CommandOrigin,
): DecidedCommand {
  const source = { source: 'rule', rule: id, because } as const;
  const delivery = { lane, policy, ttl: ttlMs, timeoutMs, attempts, onFailure };
  return { ...commandBase(source, action, promiseCause(id), shard, origin), ...delivery, rule };
}

function commandBase(
  source: CommandSource,
  action: Action,
  cause: string,
  shard: number,
  { arrivedAt, traceparent }: CommandOrigin,
) {
  return {
    id: newCommandId(shard),
    json: commandJson(source, action, traceparent),
    cause,
    action,
    actionJson: JSON.stringify(action),
    arrivedAt,
    traceparent,
  };
}

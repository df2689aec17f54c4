import type { Action } from '@lamplighter/contracts/command';
import { defaultLane } from '@lamplighter/contracts/command';
import type { CompiledRule } from '@lamplighter/evaluation/compile-rule';
import type { Evidence } from '@lamplighter/evaluation/evidence';
import type { EmittedCommand } from '@lamplighter/store/accept-readings';
import { newCommandId } from '@lamplighter/store/command-id';
import { commandJson } from '@lamplighter/store/read-commands';
import { expectedEffect } from '../effects/expected-effect.js';

/** What led to a verdict. */
export interface Occasion {
  /** Monotonic time of the reading's arrival, or of a timer's verdict, milliseconds. */
  readonly takenAt: number;
  /** The trace of the reading's message; the command that it causes belongs to it. */
  readonly traceparent: string | undefined;
}

/** A command that a rule emitted, with what is needed to publish it. */
export interface JudgedCommand extends EmittedCommand, Occasion {
  readonly rule: CompiledRule;
  readonly action: Action;
  readonly actionJson: string;
}

/** What a verdict leads to. */
export interface Emission {
  readonly action: Action;
  /** Which side of the rule it is; undefined of a safe action. */
  readonly raise: boolean | undefined;
  readonly because: Evidence;
}

/** The command that a rule emits for a device of a shard. */
export function commandOf(
  rule: CompiledRule,
  { action, raise, because }: Emission,
  shard: number,
  { takenAt, traceparent }: Occasion,
): JudgedCommand {
  const expected = expectedEffect(rule, raise);
  const source = { source: 'rule', rule: rule.id, because, expected } as const;
  return {
    id: newCommandId(shard),
    lane: rule.lane ?? defaultLane(action),
    policy: rule.policy,
    ttl: rule.ttlMs,
    timeoutMs: rule.timeoutMs,
    attempts: rule.attempts,
    onFailure: rule.onFailure,
    json: commandJson(source, action, traceparent),
    cause: `rule:${rule.id}`,
    rule,
    action,
    actionJson: JSON.stringify(action),
    takenAt,
    traceparent,
  };
}

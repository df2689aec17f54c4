import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { TraceStep } from '../../context/trace.js';
import { durationField, milliseconds } from '../definition/clause.js';
import { duration } from '../definition/sentences.js';
import { limitMs } from './time-limit.js';

export interface CompiledCooldown {
  readonly cooldownMs: number;
}

/** Keeps a minimum time between raises. */
export const cooldown = {
  fields: { cooldown: durationField(0, 'Minimum time between raises.').default('0s') },
  examples: { cooldown: '10m' },
  compile: (rule: { readonly cooldown: string }): CompiledCooldown => ({
    cooldownMs: milliseconds(rule.cooldown),
  }),
  delayMs(context: EvaluationContext<CompiledCooldown>): number {
    const { rule, before } = context;
    if (rule.cooldownMs === 0 || before?.raisedAt === undefined) return 0;
    return limitMs(context, 'cooldown', before.raisedAt, rule.cooldownMs);
  },
  sentences: {
    cooldown: ({ passes, amount = 0, limit = 0 }: TraceStep) =>
      passes
        ? `the last raise was ${duration(amount)} ago, longer than the cooldown of ${duration(limit)}`
        : `cooldown: ${duration(limit - amount)} of ${duration(limit)} were left`,
  },
};

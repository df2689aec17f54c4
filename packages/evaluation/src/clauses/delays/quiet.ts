import { z } from 'zod';
import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { TraceStep } from '../../context/trace.js';
import { type Fields, fieldsOf, type Report } from '../definition/clause.js';
import { time } from '../definition/sentences.js';
import { type QuietHours, type QuietPeriod, quietHours } from './quiet-hours.js';

export interface CompiledQuiet {
  readonly quiet: QuietHours | undefined;
}

const timeOfDay = (example: string) =>
  z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, `must be a time such as "${example}"`);
const quietSchema = z
  .strictObject({
    from: timeOfDay('22:00'),
    to: timeOfDay('06:00').describe('On the next day if it is earlier than "from".'),
    timeZone: z
      .string()
      .default('UTC')
      .refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"'),
  })
  .describe('Hours in which the rule does not raise; it can still lower.');

/** Hours in which the rule does not raise. */
export const quiet = {
  fields: { quiet: quietSchema.optional() },
  examples: { quiet: { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' } },
  contradictions(rule: Fields, report: Report): void {
    const hours = fieldsOf(rule.quiet);
    if (typeof hours?.from === 'string' && hours.from === hours.to)
      report('quiet.to', 'must differ from "from"; to switch the rule off, set "enabled" to false');
  },
  compile: (rule: { readonly quiet?: QuietPeriod | undefined }): CompiledQuiet => ({
    quiet: rule.quiet && quietHours(rule.quiet),
  }),
  delayMs({ rule, now, trace }: EvaluationContext<CompiledQuiet>): number {
    if (rule.quiet === undefined) return 0;
    const { from, to, timeZone } = rule.quiet;
    const until = rule.quiet.endOf(now);
    trace?.push({
      clause: 'quiet',
      passes: until === undefined,
      text: `${from} to ${to} ${timeZone}`,
      until,
    });
    return until === undefined ? 0 : until - now;
  },
  sentences: {
    quiet: ({ passes, text, until = 0 }: TraceStep) =>
      passes
        ? `it was not in the quiet hours, ${text}`
        : `it was in the quiet hours, ${text}, which end at ${time(until)}`,
  },
};

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

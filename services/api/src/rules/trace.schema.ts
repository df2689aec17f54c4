import { ON_FAILURE, POLICIES } from '@lamplighter/contracts/commands/command';
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { CLAUSES, type Trace } from '@lamplighter/evaluation/context/trace';
import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import { z } from 'zod';
import { isoTime, timeSchema } from '../responses/iso-time.js';

const values = (description: string) => z.record(z.string(), z.json()).meta({ description });

/** The result of one clause of a rule. */
export const traceStepSchema = z
  .object({
    clause: z
      .enum(CLAUSES)
      .meta({ description: 'The clause; docs/rules.md lists them in order of evaluation' }),
    passes: z.boolean().meta({ description: 'Whether the clause allowed the verdict' }),
    text: z.string().optional().meta({ description: 'The evaluated expression or hours' }),
    value: z
      .union([z.boolean(), z.number()])
      .optional()
      .meta({ description: 'The result; absent if a measurement is missing' }),
    values: values(
      'The values used, where available; windows as `avg(light,10m)`, the previous reading as `last.light`',
    ).optional(),
    missing: z
      .array(z.string())
      .optional()
      .meta({ description: 'Measurements that the expression needs and the reading lacks' }),
    amount: z.number().optional().meta({
      description:
        'The amount compared with `limit`, in milliseconds; for a deadband, in the unit of the measurement',
    }),
    limit: z.number().optional(),
    until: timeSchema('When the clause will allow the verdict').optional(),
    action: values('The issued action').optional(),
    reason: z.string().optional(),
  })
  .meta({
    id: 'TraceStep',
    examples: [
      { clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } },
      { clause: 'hold', passes: false, amount: 4000, limit: 10000, until: '2026-11-22T12:00:06.000Z' },
    ],
  });
export type TraceBody = z.infer<typeof traceStepSchema>[];

/** A trace as the API returns it. */
export function traceBody(trace: Trace): TraceBody {
  return trace.map(({ until, action, missing, ...step }) => ({
    ...step,
    ...(missing !== undefined && { missing: [...missing] }),
    // A cut loop, or a clock that was changed, can lead to times beyond the range of Date.
    ...(until !== undefined && Number.isFinite(until) && { until: isoTime(until) }),
    ...(action !== undefined && { action }),
  })) as TraceBody;
}

const ms = (description: string) => z.number().optional().meta({ description });

const promisedEndSchema = z
  .object({
    version: z.int().meta({ description: 'The version of the rule that started the run' }),
    action: z.record(z.string(), z.unknown()).meta({ description: 'The action that ends the run' }),
    lane: z.string(),
    policy: z.enum(POLICIES),
    ttlMs: z.number(),
    timeoutMs: z.number(),
    attempts: z.int(),
    onFailure: z.enum(ON_FAILURE).optional(),
    maxMs: ms('The maximum length of a run in that version'),
    targets: deviceScopeSchema
      .optional()
      .meta({ description: 'For a quorum: the targets that got the command' }),
  })
  .meta({
    id: 'PromisedEnd',
    description: 'How the run ends, even if the rule changes in the meantime',
    examples: [
      {
        version: 3,
        action: { pump: false },
        lane: 'pump',
        policy: 'latest',
        ttlMs: 3_600_000,
        timeoutMs: 60_000,
        attempts: 5,
        maxMs: 30_000,
      },
    ],
  });

/** The stored state of a rule for a device or group. */
export const ruleStateSchema = z
  .strictObject({
    since: ms('The write since which this state is valid; ignored in requests'),
    raised: z.boolean().meta({ description: 'The verdict' }),
    at: z.number().meta({ description: 'When the verdict started' }),
    first: z.literal(true).optional().meta({ description: 'Present if no command was issued yet' }),
    emittedAt: ms('When a command was last emitted'),
    told: ms('The boot of the device when it was last sent a command, or last agreed with it'),
    repeats: ms('How often the action was re-asserted'),
    held: ms('When the other verdict was first requested'),
    band: ms('The last evaluated value, for the deadband'),
    raisedAt: ms('When the rule was last raised, for the cooldown'),
    runUntil: ms('When the run ends'),
    ends: promisedEndSchema.optional(),
    loop: ms('For the rate limit on verdict changes: the time until which the allowance is used up'),
    cut: ms('End of the pause of a rule that changed too often'),
  })
  .meta({
    id: 'RuleState',
    description: 'The stored state of a rule; times are milliseconds since 1970 on the server clock',
    examples: [{ since: 3, raised: false, at: 1795348800000, emittedAt: 1795348800000 }],
  });
export type RuleStateBody = z.infer<typeof ruleStateSchema>;

/** A state as the API returns it; undefined if the stored one is malformed. */
export function ruleStateBody(state: unknown): RuleStateBody | undefined {
  return ruleStateSchema.safeParse(state).data;
}

export const tallySchema = z
  .object({
    policy: z.string(),
    outcome: z.enum(['decided', 'undecided', 'gathering', 'lost']),
    verdict: z.boolean().optional(),
    expected: z.int(),
    needs: z.int(),
    fresh: z.int(),
    stale: z.int(),
    missing: z.int(),
    yes: z.int().optional(),
    no: z.int().optional(),
    value: z.number().optional().meta({ description: 'Median or trimmed mean' }),
    votes: z
      .record(z.string(), z.tuple([z.number(), z.number()]))
      .optional()
      .meta({
        description:
          'The first 50 votes by device name: the vote (1, 0 or the measured value) and its age in ms',
      }),
  })
  .meta({ id: 'Tally', description: 'How the votes of a quorum were counted' });

export const groupStateSchema = z
  .object({
    begun: timeSchema('When this rule first evaluated the group'),
    lostAt: timeSchema('When the recent votes became too few').optional(),
    safeAt: timeSchema('When the safe action was issued').optional(),
    toldAt: timeSchema('When the targets were last sent a command').optional(),
  })
  .meta({ id: 'GroupState' });

export function groupStateBody({
  begun,
  lostAt,
  safeAt,
  toldAt,
}: GroupState): z.infer<typeof groupStateSchema> {
  return {
    begun: isoTime(begun),
    ...(lostAt !== undefined && { lostAt: isoTime(lostAt) }),
    ...(safeAt !== undefined && { safeAt: isoTime(safeAt) }),
    ...(toldAt !== undefined && { toldAt: isoTime(toldAt) }),
  };
}

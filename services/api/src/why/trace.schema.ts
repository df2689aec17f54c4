import { ON_FAILURE, POLICIES } from '@lamplighter/contracts/commands/command';
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { CLAUSES, type Trace } from '@lamplighter/evaluation/evaluate/trace';
import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import { z } from 'zod';
import { isoTime, timeSchema } from '../iso-time.js';

const values = (description: string) => z.record(z.string(), z.json()).meta({ description });

/** What one clause of a rule said. */
export const traceStepSchema = z
  .object({
    clause: z.enum(CLAUSES).meta({ description: 'docs/rules.md has them in this order' }),
    passes: z.boolean().meta({ description: 'Whether it let the verdict through' }),
    text: z.string().optional().meta({ description: 'The expression, or the hours, that were asked' }),
    value: z
      .union([z.boolean(), z.number()])
      .optional()
      .meta({ description: 'What it came to; absent if the reading does not say' }),
    values: values(
      'What it mentions, as far as it was there; windows as `avg(light,10m)`, the reading before as `last.light`',
    ).optional(),
    missing: z
      .array(z.string())
      .optional()
      .meta({ description: 'What the expression needs and the reading does not have' }),
    amount: z.number().optional().meta({
      description: "What is compared with the limit: milliseconds; of a deadband the value's own unit",
    }),
    limit: z.number().optional(),
    until: timeSchema('When it will be over').optional(),
    action: values('What is commanded').optional(),
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

/** A trace as the API shows it. */
export function traceBody(trace: Trace): TraceBody {
  return trace.map(({ until, action, missing, ...step }) => ({
    ...step,
    ...(missing !== undefined && { missing: [...missing] }),
    // A loop that is cut, or a clock that was set, may lead to times that no calendar has.
    ...(until !== undefined && Number.isFinite(until) && { until: isoTime(until) }),
    ...(action !== undefined && { action }),
  })) as TraceBody;
}

const ms = (description: string) => z.number().optional().meta({ description });

const promisedEndSchema = z
  .object({
    version: z.int().meta({ description: 'The version of the rule that started it' }),
    action: z.record(z.string(), z.unknown()).meta({ description: 'The command that ends it' }),
    lane: z.string(),
    policy: z.enum(POLICIES),
    ttlMs: z.number(),
    timeoutMs: z.number(),
    attempts: z.int(),
    onFailure: z.enum(ON_FAILURE).optional(),
    maxMs: ms('The longest run that the version allows'),
    targets: deviceScopeSchema
      .optional()
      .meta({ description: 'Of a quorum: the devices that were commanded' }),
  })
  .meta({
    id: 'PromisedEnd',
    description: 'How the run is ended, whatever becomes of the rule meanwhile',
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

/** What a rule remembers of a device, or of a group, as it is kept. */
export const ruleStateSchema = z
  .strictObject({
    since: ms('What begins anew when the rule judges otherwise; of no matter where a state is handed in'),
    raised: z.boolean().meta({ description: 'The verdict' }),
    at: z.number().meta({ description: 'When that began' }),
    first: z.literal(true).optional().meta({ description: 'Nothing has been commanded yet' }),
    emittedAt: ms('When a command was last emitted'),
    told: ms('Start of the run of the device that was last commanded, or found to agree'),
    repeats: ms('How often the action was re-asserted'),
    held: ms('Since when the other verdict is asked for'),
    band: ms('The value last judged, for the deadband'),
    raisedAt: ms('The last raise, for the cooldown'),
    runUntil: ms('When the run ends'),
    ends: promisedEndSchema.optional(),
    loop: ms('How much of the allowed changes is used up'),
    cut: ms('Until when nothing is judged, since the rule changed too often'),
  })
  .meta({
    id: 'RuleState',
    description: 'What a rule remembers; times are milliseconds since 1970 on the clock of the server',
    examples: [{ since: 3, raised: false, at: 1795348800000, emittedAt: 1795348800000 }],
  });
export type RuleStateBody = z.infer<typeof ruleStateSchema>;

/** A state as the API shows it; one that somebody has written into Redis by hand is not shown. */
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
          'The first 50 votes by name: what each said (1 or 0, or what it measured), and its age in ms',
      }),
  })
  .meta({ id: 'Tally', description: 'How the votes of a quorum were counted' });

export const groupStateSchema = z
  .object({
    begun: timeSchema('When the group was first judged by this rule'),
    lostAt: timeSchema('Since when too few sensors can be heard').optional(),
    safeAt: timeSchema('When the safe action was commanded').optional(),
    toldAt: timeSchema('When the targets were last commanded').optional(),
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

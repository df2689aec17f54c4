import {
  actionSchema,
  COMMAND_STATES,
  deliverySchema,
  FAILS_IN_ORDER,
  failsInOrder,
  ON_FAILURE,
  POLICIES,
} from '@lamplighter/contracts/commands/command';
import { shardOfCommand } from '@lamplighter/store/commands/command-id';
import { EFFECT_OUTCOMES } from '@lamplighter/store/commands/effect-record';
import { z } from 'zod';
import { presenceSchema } from '../devices/device.schema.js';
import { timeSchema } from '../iso-time.js';
import { spanQuery } from '../requests/export.js';
import { CURSOR, limitSchema, nextSchema } from '../requests/page.js';
import { remarkSchema } from '../rules/remark.schema.js';

const DURATION = '^\\d{1,9}(ms|s|m|h|d)$';

/** What a client asks for: an action, and how it is to be delivered. */
export const commandRequestSchema = z
  .strictObject({
    action: actionSchema.meta({ description: 'What the device is to do; at most 4096 bytes of JSON' }),
    policy: deliverySchema.shape.policy.meta({
      description:
        'latest: supersedes what is pending in its lane; ordered: waits for the answer to the one before; ' +
        'now: refused unless the device is online, and expired at once if nobody is there after all',
    }),
    lane: deliverySchema.shape.lane.meta({
      description: "Commands of one lane follow each other; without it, the action's first key",
    }),
    ttl: deliverySchema.shape.ttl.meta({
      pattern: DURATION,
      description: 'How long it may wait, from "1s" to "30d"; the device never begins it later',
    }),
    timeout: deliverySchema.shape.timeout.meta({
      pattern: DURATION,
      description: 'How long the device may take once it has acknowledged, from "1s" to "24h"',
    }),
    attempts: deliverySchema.shape.attempts.meta({
      description: 'Most dispatches without any answer; then it ends as unknown',
    }),
    onFailure: deliverySchema.shape.onFailure.meta({
      description:
        'What becomes of the commands behind it in an ordered lane if it ends as failed, rejected, unknown or expired. ' +
        'skip (the default): they go on; stop: they wait until the lane is resumed; abort-rest: they are cancelled',
    }),
  })
  .refine(failsInOrder, FAILS_IN_ORDER)
  .meta({
    id: 'CommandRequest',
    examples: [
      {
        action: { led_on: true },
        policy: 'latest',
        lane: 'led_on',
        ttl: '10m',
        timeout: '30s',
        attempts: 3,
      },
    ],
  });
export type CommandRequest = z.infer<typeof commandRequestSchema>;

const stateSchema = z.enum(COMMAND_STATES);

const effectValues = (description: string) => z.record(z.string(), z.json()).optional().meta({ description });

export const effectSchema = z
  .object({
    outcome: z.enum(EFFECT_OUTCOMES).meta({
      description:
        'pending: looked for, or the command has not succeeded yet; effective: a reading showed it in time; ineffective: readings ' +
        'came and none showed it, so something is broken that answers; unmeasured: nobody can know',
    }),
    expect: z
      .string()
      .meta({ description: 'What a reading is to show; `last` is the one before the command' }),
    withinMs: z.int().meta({ description: 'For how long after the success' }),
    at: timeSchema('When the outcome was found').optional(),
    last: effectValues('The reading before the command, as far as it matters'),
    reading: effectValues('The reading that showed the effect, or the newest that did not'),
  })
  .meta({
    id: 'Effect',
    examples: [
      {
        outcome: 'ineffective',
        expect: 'light > last.light + 50',
        withinMs: 10000,
        at: '2026-11-22T12:00:10.000Z',
        last: { light: 21, led_on: false },
        reading: { light: 19, led_on: true },
      },
    ],
  });

export const commandSchema = z
  .object({
    id: z.string(),
    fleet: z.string(),
    device: z.string(),
    presence: presenceSchema.optional().meta({
      description: 'Of the device when the command was accepted; only in the answer to that request',
    }),
    lane: z.string(),
    seq: z.int().meta({ description: 'Grows within the lane' }),
    policy: z.enum(POLICIES),
    action: z.record(z.string(), z.unknown()),
    traceparent: z
      .string()
      .optional()
      .meta({ description: 'The trace that it belongs to (W3C Trace Context); the device gets it too' }),
    onFailure: z
      .enum(ON_FAILURE)
      .meta({ description: 'What its failure means to those behind it in its lane' }),
    source: z.enum(['rule', 'api', 'rollout']),
    rule: z.string().optional().meta({ description: 'The rule that emitted it' }),
    rollout: z.string().optional().meta({ description: 'The rollout that it belongs to' }),
    state: stateSchema,
    attempt: z.int().meta({ description: 'How often it has been dispatched' }),
    attempts: z.int().meta({ description: 'How often it may be, without any answer' }),
    createdAt: timeSchema('When it was taken'),
    expiresAt: timeSchema('When it ends unless the device has it by then'),
    timeoutMs: z.int().meta({ description: 'How long the device may take once it has acknowledged' }),
    transitions: z
      .array(z.object({ state: stateSchema, at: timeSchema('When'), attempt: z.int(), cause: z.string() }))
      .meta({ description: 'Every change of state, in order; the last one is the state' }),
    answer: z
      .object({ reason: z.string().optional(), result: z.unknown().optional() })
      .optional()
      .meta({ description: 'What the device said beside its status' }),
    unreadAnswers: z
      .array(
        z.object({
          at: timeSchema('When it came'),
          field: z
            .string()
            .optional()
            .meta({ description: 'What is wrong, as a JSON pointer into its payload' }),
          problem: z.string(),
          payload: z.string().meta({ description: 'At most its first 100 characters' }),
        }),
      )
      .optional()
      .meta({
        description:
          'Answers that were not understood, oldest first, the last five. They count as none: the command is sent again as if nothing had ' +
          'come. One without a readable id stands beside the command that was sent to the device last',
      }),
    effect: effectSchema.optional().meta({
      description: 'Whether telemetry shows what its rule expects; absent if it ended without success',
    }),
    warnings: z
      .array(remarkSchema)
      .optional()
      .meta({ description: 'Only in the answer to sending it: what may not be meant so' }),
  })
  .meta({
    id: 'Command',
    examples: [
      {
        id: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17',
        fleet: 'demo',
        device: 'lamp-0001',
        lane: 'led_on',
        seq: 3,
        policy: 'latest',
        action: { led_on: true },
        onFailure: 'skip',
        source: 'api',
        state: 'pending',
        attempt: 0,
        attempts: 5,
        createdAt: '2026-11-22T12:00:00.000Z',
        expiresAt: '2026-11-22T12:10:00.000Z',
        timeoutMs: 60000,
        transitions: [{ state: 'pending', at: '2026-11-22T12:00:00.000Z', attempt: 0, cause: 'api' }],
      },
    ],
  });
export type CommandBody = z.infer<typeof commandSchema>;
export type EffectBody = z.infer<typeof effectSchema>;

export const commandPageSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    presence: presenceSchema,
    commands: z.array(commandSchema),
    next: nextSchema,
  })
  .meta({ id: 'CommandPage' });

export const commandId = z
  .string()
  .refine((id) => shardOfCommand(id) !== undefined, 'must be the id of a command')
  .meta({ examples: ['01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17'] });

export const commandPath = z.strictObject({ id: commandId });

export const commandsQuery = z.strictObject({
  limit: limitSchema,
  cursor: commandId.optional().meta({ description: CURSOR }),
  state: stateSchema.optional().meta({ description: 'Only commands in this state' }),
  ...spanQuery,
});

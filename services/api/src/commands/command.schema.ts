import {
  actionSchema,
  COMMAND_STATES,
  deliverySchema,
  isOnFailureAllowed,
  ON_FAILURE,
  ON_FAILURE_ERROR,
  POLICIES,
} from '@lamplighter/contracts/commands/command';
import { shardOfCommand } from '@lamplighter/store/commands/command-id';
import { EFFECT_OUTCOMES } from '@lamplighter/store/commands/effect-record';
import { z } from 'zod';
import { presenceSchema } from '../devices/device.schema.js';
import { spanQuery } from '../responses/export.js';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';
import { remarkSchema } from '../rules/remark.schema.js';

const DURATION = '^\\d{1,9}(ms|s|m|h|d)$';

/** A command as clients send it: an action, and how to deliver it. */
export const commandRequestSchema = z
  .strictObject({
    action: actionSchema.meta({ description: 'What the device should do; at most 4096 bytes of JSON' }),
    policy: deliverySchema.shape.policy.meta({
      description:
        'latest: supersedes pending commands of its lane; ordered: starts after the previous command of its lane has ended; ' +
        'now: rejected unless the device is online, and expires immediately if the device cannot be reached',
    }),
    lane: deliverySchema.shape.lane.meta({
      description: "Commands of one lane follow each other; defaults to the action's first key",
    }),
    ttl: deliverySchema.shape.ttl.meta({
      pattern: DURATION,
      description: 'How long the command may wait, from "1s" to "30d"; the device never starts it later',
    }),
    timeout: deliverySchema.shape.timeout.meta({
      pattern: DURATION,
      description: 'How long the device may take after `acknowledged`, from "1s" to "24h"',
    }),
    attempts: deliverySchema.shape.attempts.meta({
      description:
        'Maximum number of dispatches without an acknowledgement; the command then ends as unknown',
    }),
    onFailure: deliverySchema.shape.onFailure.meta({
      description:
        'What happens to later commands of an ordered lane if this one ends as failed, rejected, unknown or expired. ' +
        'skip (default): they continue; stop: they wait until the lane is resumed; abort-rest: they are cancelled',
    }),
  })
  .refine(isOnFailureAllowed, ON_FAILURE_ERROR)
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
        'pending: not determined yet, or the command has not succeeded yet; effective: a reading showed the effect in time; ' +
        'ineffective: readings arrived but none showed it, so the actuator may be broken; unmeasured: could not be determined',
    }),
    expect: z.string().meta({
      description: 'The condition that a reading should meet; `last` is the reading before the command',
    }),
    withinMs: z.int().meta({ description: 'How long after success the effect may take to show' }),
    at: timeSchema('When the outcome was determined').optional(),
    last: effectValues('The relevant measurements of the reading before the command'),
    reading: effectValues(
      'The relevant measurements of the reading that showed the effect, or of the newest that did not',
    ),
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
      description:
        'Presence of the device when the command was accepted; only in the response to that request',
    }),
    lane: z.string(),
    seq: z.int().meta({ description: 'Sequence number within the lane' }),
    policy: z.enum(POLICIES),
    action: z.record(z.string(), z.unknown()),
    traceparent: z
      .string()
      .optional()
      .meta({ description: 'The trace of the command (W3C Trace Context); also sent to the device' }),
    onFailure: z
      .enum(ON_FAILURE)
      .meta({ description: 'What its failure means for later commands of its lane' }),
    source: z.enum(['rule', 'api', 'rollout']),
    rule: z.string().optional().meta({ description: 'The rule that emitted it' }),
    rollout: z.string().optional().meta({ description: 'The rollout that issued it' }),
    key: z.string().optional().meta({ description: 'Id of the API key that sent it' }),
    state: stateSchema,
    attempt: z.int().meta({ description: 'Number of dispatches so far' }),
    attempts: z.int().meta({ description: 'Maximum number of dispatches without an acknowledgement' }),
    createdAt: timeSchema('When it was created'),
    expiresAt: timeSchema('When it expires unless the device has acknowledged it'),
    timeoutMs: z.int().meta({ description: 'How long the device may take after `acknowledged`' }),
    transitions: z
      .array(
        z.object({
          state: stateSchema,
          at: timeSchema('Time of the transition'),
          attempt: z.int(),
          cause: z.string(),
        }),
      )
      .meta({ description: 'All state transitions in order; the last one has the current state' }),
    answer: z
      .object({ reason: z.string().optional(), result: z.unknown().optional() })
      .optional()
      .meta({ description: 'Reason and result from the final acknowledgement' }),
    unreadAnswers: z
      .array(
        z.object({
          at: timeSchema('Time of receipt'),
          field: z
            .string()
            .optional()
            .meta({ description: 'The invalid field, as a JSON pointer into the payload' }),
          problem: z.string(),
          payload: z.string().meta({ description: 'The first 100 characters of the payload' }),
        }),
      )
      .optional()
      .meta({
        description:
          'The last five invalid acknowledgements, oldest first. They are ignored: the command is sent again as if none had arrived. ' +
          'One without a readable id is listed with the command last sent to the device.',
      }),
    effect: effectSchema.optional().meta({
      description:
        'Whether telemetry shows the effect that the rule expects; absent if the command ended without success',
    }),
    warnings: z
      .array(remarkSchema)
      .optional()
      .meta({ description: 'Likely mistakes; only in the response that creates the command' }),
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

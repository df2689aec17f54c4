import { actionSchema, COMMAND_STATES, deliverySchema, POLICIES } from '@lamplighter/contracts/command';
import { shardOfCommand } from '@lamplighter/store/command-id';
import { z } from 'zod';
import { presenceSchema } from '../devices/device.schema.js';
import { timeSchema } from '../iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../requests/page.js';

/** What a client asks for: an action, and how it is to be delivered. */
export const commandRequestSchema = z
  .strictObject({
    action: actionSchema.meta({ description: 'What the device is to do; at most 4096 bytes of JSON' }),
    policy: deliverySchema.shape.policy.meta({
      description:
        'latest: supersedes what is pending in its lane; ordered: waits for the answer to the one before; ' +
        'now: refused unless the device is online',
    }),
    lane: deliverySchema.shape.lane.meta({
      description: "Commands of one lane follow each other; without it, the action's first key",
    }),
    ttl: deliverySchema.shape.ttl.meta({
      pattern: '^\\d{1,9}(ms|s|m|h|d)$',
      description: 'Time to live, from "1s" to "30d"; the command is never executed after it',
    }),
  })
  .meta({
    id: 'CommandRequest',
    examples: [{ action: { led_on: true }, policy: 'latest', lane: 'led', ttl: '10m' }],
  });
export type CommandRequest = z.infer<typeof commandRequestSchema>;

const stateSchema = z.enum(COMMAND_STATES);

export const commandSchema = z
  .object({
    id: z.string(),
    fleet: z.string(),
    device: z.string(),
    lane: z.string(),
    seq: z.int().meta({ description: 'Grows within the lane' }),
    policy: z.enum(POLICIES),
    action: z.record(z.string(), z.unknown()),
    source: z.enum(['rule', 'api']),
    rule: z.string().optional().meta({ description: 'The rule that emitted it' }),
    state: stateSchema,
    attempt: z.int().meta({ description: 'How often it has been dispatched' }),
    createdAt: timeSchema('When it was taken'),
    expiresAt: timeSchema('When it ends unless it is answered'),
    transitions: z.array(
      z.object({ state: stateSchema, at: timeSchema('When'), attempt: z.int(), cause: z.string() }),
    ),
    answer: z
      .object({ reason: z.string().optional(), result: z.unknown().optional() })
      .optional()
      .meta({ description: 'What the device said beside its status' }),
  })
  .meta({
    id: 'Command',
    examples: [
      {
        id: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17',
        fleet: 'demo',
        device: 'lamp-0001',
        lane: 'led',
        seq: 3,
        policy: 'latest',
        action: { led_on: true },
        source: 'api',
        state: 'pending',
        attempt: 0,
        createdAt: '2026-11-22T12:00:00.000Z',
        expiresAt: '2026-11-22T12:10:00.000Z',
        transitions: [{ state: 'pending', at: '2026-11-22T12:00:00.000Z', attempt: 0, cause: 'api' }],
      },
    ],
  });
export type CommandBody = z.infer<typeof commandSchema>;

export const commandPageSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    presence: presenceSchema,
    commands: z.array(commandSchema),
    next: nextSchema,
  })
  .meta({ id: 'CommandPage' });

const commandId = z
  .string()
  .refine((id) => shardOfCommand(id) !== undefined, 'must be the id of a command')
  .meta({ examples: ['01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17'] });

export const commandPath = z.strictObject({ id: commandId });

export const commandsQuery = z.strictObject({
  limit: limitSchema(500),
  cursor: commandId.optional().meta({ description: CURSOR }),
  state: stateSchema.optional().meta({ description: 'Only commands in this state' }),
});

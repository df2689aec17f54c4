import {
  FINAL_STATES,
  isOnFailureAllowed,
  ON_FAILURE,
  ON_FAILURE_ERROR,
  POLICIES,
} from '@lamplighter/contracts/commands/command';
import {
  paceSchema,
  ROLLOUT_BOUNDS,
  ROLLOUT_STATES,
  SKIP_REASONS,
  selectorSchema,
} from '@lamplighter/contracts/rollouts/rollout';
import { isRolloutId } from '@lamplighter/store/rollouts/rollouts';
import { z } from 'zod';
import { commandRequestSchema } from '../commands/command.schema.js';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';
import { remarkSchema } from '../rules/remark.schema.js';

const { shape: selector } = selectorSchema;
const { shape: pace } = paceSchema;

export const describedSelector = z
  .strictObject({
    devices: selector.devices.meta({
      description:
        'Only these devices, by name or prefix such as `lamp-*`; at most 1000, at most 50 of them prefixes',
    }),
    presence: selector.presence.meta({ description: 'Only devices with this presence at their turn' }),
    when: selector.when.meta({
      description:
        'Only devices whose last state meets this CEL condition at their turn; devices that lack a measurement are left out',
      examples: ['light < 300'],
    }),
  })
  .meta({ description: 'A device must meet all given conditions; {} selects every device of the fleet' });

/** A rollout as clients send it: a command, for which devices, and how fast. */
export const rolloutRequestSchema = z
  .strictObject({
    ...commandRequestSchema.shape,
    selector: describedSelector,
    rate: pace.rate.meta({ description: 'Devices per second' }),
    abortAbove: pace.abortAbove.meta({
      description:
        `Percentage of failed commands (failed, rejected, expired or unknown) among those that have ended; above it the rollout is ` +
        `aborted. Checked once ${ROLLOUT_BOUNDS.minEnded} commands have ended.`,
    }),
  })
  .refine(isOnFailureAllowed, ON_FAILURE_ERROR)
  .meta({
    id: 'RolloutRequest',
    examples: [
      {
        action: { led_on: true },
        policy: 'latest',
        ttl: '10m',
        timeout: '30s',
        attempts: 3,
        selector: { presence: 'online', when: 'light < 300' },
        rate: 50,
        abortAbove: 10,
      },
    ],
  });
export type RolloutRequestBody = z.infer<typeof rolloutRequestSchema>;

const count = (description: string) => z.int().min(0).meta({ description });
const counts = <K extends string>(names: readonly K[], description: string) =>
  z
    .object(Object.fromEntries(names.map((name) => [name, z.int().min(0)])) as Record<K, z.ZodInt>)
    .meta({ description });

export const rolloutSchema = z
  .object({
    id: z.string(),
    fleet: z.string(),
    state: z.enum(ROLLOUT_STATES).meta({
      description:
        'running: commands are being issued, or some are open; done: all have ended; aborted: too many failed; cancelled: through the ' +
        'API. After aborted and cancelled, commands already sent to devices may still end.',
    }),
    action: z.record(z.string(), z.unknown()),
    policy: z.enum(POLICIES),
    lane: z.string(),
    ttl: z.string(),
    timeout: z.string(),
    attempts: z.int(),
    onFailure: z.enum(ON_FAILURE).optional(),
    selector: selectorSchema,
    rate: z.int(),
    abortAbove: z.number().optional(),
    key: z.string().optional().meta({ description: 'Id of the API key that started it' }),
    matched: count('Devices selected so far: those with a command and those skipped'),
    enqueued: count('Devices for which a command was enqueued'),
    skipped: counts(
      SKIP_REASONS,
      'Selected devices without a command, by reason: too many open commands; policy "now" but not online; never reported',
    ),
    outcomes: counts(FINAL_STATES, 'Ended commands by final state; the rest of `enqueued` is open'),
    startedAt: timeSchema('When it was created'),
    endedAt: timeSchema('When it reached its final state; absent while running').optional(),
    warnings: z
      .array(remarkSchema)
      .optional()
      .meta({ description: 'Likely mistakes; only in the response that starts the rollout' }),
  })
  .meta({
    id: 'Rollout',
    examples: [
      {
        id: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE',
        fleet: 'demo',
        state: 'running',
        action: { led_on: true },
        policy: 'latest',
        lane: 'led_on',
        ttl: '10m',
        timeout: '30s',
        attempts: 3,
        selector: { presence: 'online', when: 'light < 300' },
        rate: 50,
        abortAbove: 10,
        matched: 31,
        enqueued: 30,
        skipped: { queue_full: 1, unreachable: 0, unknown_device: 0 },
        outcomes: {
          succeeded: 27,
          failed: 1,
          rejected: 0,
          expired: 0,
          superseded: 0,
          cancelled: 0,
          unknown: 0,
        },
        startedAt: '2026-11-22T12:00:00.000Z',
      },
    ],
  });
export type RolloutBody = z.infer<typeof rolloutSchema>;

export const rolloutPageSchema = z
  .object({ fleet: z.string(), rollouts: z.array(rolloutSchema), next: nextSchema })
  .meta({ id: 'RolloutPage' });

const rolloutId = z
  .string()
  .refine(isRolloutId, 'must be the id of a rollout')
  .meta({ examples: ['01KAP3Z8Q4T5V6W7X8Y9ZABCDE'] });

export const rolloutPath = z.strictObject({ id: rolloutId });

export const rolloutsQuery = z.strictObject({
  limit: limitSchema,
  cursor: rolloutId.optional().meta({ description: CURSOR }),
});

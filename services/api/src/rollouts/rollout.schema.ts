import {
  FAILS_IN_ORDER,
  FINAL_STATES,
  failsInOrder,
  ON_FAILURE,
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
import { timeSchema } from '../iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../requests/page.js';
import { remarkSchema } from '../rules/remark.schema.js';

const { shape: selector } = selectorSchema;
const { shape: pace } = paceSchema;

const describedSelector = z
  .strictObject({
    devices: selector.devices.meta({
      description:
        'Only these devices, by name or by prefix such as `lamp-*`; at most 1000, of which 50 prefixes',
    }),
    presence: selector.presence.meta({ description: 'Only devices of this presence when their turn comes' }),
    when: selector.when.meta({
      description:
        'Only devices whose last state fulfils this CEL condition when their turn comes; one that does not tell is left out',
      examples: ['light < 300'],
    }),
  })
  .meta({ description: 'Whatever is given must hold; {} selects every device of the fleet' });

/** What a client asks for: a command, for which devices, and how fast. */
export const rolloutRequestSchema = z
  .strictObject({
    ...commandRequestSchema.shape,
    selector: describedSelector,
    rate: pace.rate.meta({ description: 'Devices per second' }),
    abortAbove: pace.abortAbove.meta({
      description:
        `Percent: as soon as more of the ended commands have failed (failed, rejected, expired or unknown), the rollout is ` +
        `aborted; judged from the ${ROLLOUT_BOUNDS.judgedFrom}th on`,
    }),
  })
  .refine(failsInOrder, FAILS_IN_ORDER)
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
        'running: commands are made, or some are open; done: all have ended; aborted: too many failed; cancelled: by REST. ' +
        'Of the last two, commands that devices had been sent before may still end',
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
    matched: count('Devices that were selected so far: those with a command, and those skipped'),
    enqueued: count('Devices with a command'),
    skipped: counts(
      SKIP_REASONS,
      'Selected devices without one, by reason: too many open commands; policy "now" and not online; never heard of',
    ),
    outcomes: counts(FINAL_STATES, 'Ended commands by final state; the others of `enqueued` are open'),
    startedAt: timeSchema('When it was taken'),
    endedAt: timeSchema('When it came to its state, unless it is running').optional(),
    warnings: z
      .array(remarkSchema)
      .optional()
      .meta({ description: 'Only in the answer that begins it: what may not be meant so' }),
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

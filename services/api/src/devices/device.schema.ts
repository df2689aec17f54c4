import { PRESENCE_STATES } from '@lamplighter/contracts/devices/presence';
import { identitySchema } from '@lamplighter/contracts/identity';
import { HISTORY_REASONS } from '@lamplighter/contracts/telemetry/reading';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';
import { spanQuery } from '../requests/export.js';
import { CURSOR, limitSchema, nextSchema } from '../requests/page.js';
import { edgeSettingSchema } from './edge-rule.js';
import { telemetryIntervalSchema } from './telemetry-interval.js';

export const presenceSchema = z.enum(PRESENCE_STATES).meta({
  description:
    'online: heard of within the last 30 s; stale: silent for longer; offline: said goodbye, or its will came; ' +
    'never_seen: a command waits for it, but it never spoke',
});

const measurements = z
  .record(z.string(), z.json())
  .meta({ description: 'Named values, as the device sent them', examples: [{ light: 412, led_on: false }] });
const ageMs = z.int().min(0).meta({ description: "Age of the last state by Redis's clock, milliseconds" });

const readingSchema = z
  .object({
    measurements,
    seq: z.int().optional().meta({ description: "The device's own sequence number, if it sends one" }),
    at: timeSchema("The device's own time, if it sends one").optional(),
    receivedAt: timeSchema('Server time when it came'),
    late: z
      .boolean()
      .meta({ description: 'It came after a newer one, or was retained: it never was the last state' }),
    history: z
      .literal(true)
      .optional()
      .meta({ description: 'It was history when it came, so rules did not act on it; `why` says why' }),
    why: z
      .enum(HISTORY_REASONS)
      .optional()
      .meta({
        description:
          'Of history. late: a newer reading had come before. replayed: it was part of a replay, and not its newest. retained: the broker ' +
          'had kept it, so its age is unknown. stale: by the clock of the device it was older than 30 s when it came; rules with a longer ' +
          '`maxAge` judged it all the same.',
      }),
  })
  .meta({ id: 'Reading' });

export const deviceSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    lesson: z.boolean().meta({ description: 'It speaks the two-level topics of the lesson' }),
    presence: presenceSchema,
    session: z
      .object({
        id: z.int(),
        online: z.boolean(),
        since: timeSchema('When the birth or the will came'),
        telemetry: z
          .enum(['latest', 'keep'])
          .meta({ description: 'Whether it keeps readings while offline' }),
        sleepsMs: z.int().optional().meta({
          description: 'It connects only to report, at least this often; its goodbye then means nothing',
        }),
      })
      .optional()
      .meta({ description: "The device's own word about its connection, if it gives any" }),
    last: readingSchema
      .optional()
      .meta({ description: 'The last state: the newest reading; absent if there never was any' }),
    ageMs: ageMs.optional(),
    pendingCommands: z.int().min(0).meta({ description: 'Commands that have not reached a final state' }),
  })
  .meta({
    id: 'Device',
    examples: [
      {
        fleet: 'demo',
        device: 'lamp-0001',
        lesson: false,
        presence: 'online',
        session: { id: 1795348800000, online: true, since: '2026-11-22T12:00:00.000Z', telemetry: 'latest' },
        last: {
          measurements: { light: 412, led_on: false },
          seq: 1795348812000000,
          at: '2026-11-22T12:00:12.000Z',
          receivedAt: '2026-11-22T12:00:12.004Z',
          late: false,
        },
        ageMs: 812,
        pendingCommands: 0,
      },
    ],
  });
export type DeviceBody = z.infer<typeof deviceSchema>;

const count = (description: string) => z.int().min(0).meta({ description });

/** What came of a device's readings that were not simply the next one. */
const orderSchema = z
  .object({
    late: count('Readings that came after a newer one and entered the history, retained ones included'),
    duplicate: count('Readings that came again'),
    tooOld: count('Readings older than the whole history, which were not stored'),
    retained: count('Readings that the broker had retained'),
    refused: count('Readings that were refused, and whose `_seq` could be read'),
    restarts: count(
      'Times that a reading with a lower number was newer: a new session, a restarted counter, or a corrected clock',
    ),
    clockBehindMs: z.int().min(1).optional().meta({
      description: 'By how much the `_at` of the last state was in the past when it came, if more than 30 s',
    }),
    sentences: z.array(z.string()).meta({
      description: 'What is wrong with the latest readings, in plain sentences; empty if nothing is',
    }),
  })
  .meta({ description: 'Why readings of this device are not acted on' });

const [deviceExample] = deviceSchema.meta()!.examples as [DeviceBody];

/** A device that is asked for by itself. */
export const deviceDetailSchema = deviceSchema
  .extend({
    telemetryInterval: telemetryIntervalSchema.optional().meta({
      description:
        'How often it is to measure, and does; absent if nothing was set and nothing can be measured',
    }),
    order: orderSchema,
    edgeRule: edgeSettingSchema.optional().meta({
      description: 'The rule by which it is to go while its link is down; absent if none was ever set',
    }),
    stoppedLanes: z
      .array(
        z.object({
          lane: z.string(),
          stoppedBy: z.string().meta({ description: 'The command that failed' }),
        }),
      )
      .meta({
        description: 'Lanes in which nothing is dispatched since a command failed, until they are resumed',
      }),
    effects: z
      .array(
        z.object({
          rule: z.string(),
          outcome: z.enum(['effective', 'ineffective']),
          at: timeSchema('When it was found'),
          command: z.string().meta({ description: 'The command that had it, or had not' }),
        }),
      )
      .meta({
        description:
          'The last effect that could be measured of each rule that expects one, of at most 100 rules',
      }),
  })
  .meta({
    id: 'DeviceDetail',
    examples: [
      {
        ...deviceExample,
        telemetryInterval: { desiredMs: 10000, measuredMs: 9998, pace: 'ok', late: false },
        order: {
          late: 3,
          duplicate: 1,
          tooOld: 0,
          retained: 0,
          refused: 0,
          restarts: 1,
          clockBehindMs: 7200000,
          sentences: [
            'the clock of lamp-0001 is 2 h behind, or its readings are so late: rules with a shorter maxAge do not judge them',
          ],
        },
        edgeRule: { rule: 'night-light', told: 'night-light@3', confirmed: 'night-light@3' },
        stoppedLanes: [{ lane: 'grabber', stoppedBy: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17' }],
        effects: [
          {
            rule: 'night-light',
            outcome: 'ineffective',
            at: '2026-11-22T12:00:10.000Z',
            command: '01KAP3Z8Q4T5V6W7X8Y9ZABCDF-17',
          },
        ],
      },
    ],
  });
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;

export const devicePageSchema = z
  .object({ devices: z.array(deviceSchema), next: nextSchema })
  .meta({ id: 'DevicePage' });

export const devicesQuery = z.strictObject({
  limit: limitSchema,
  cursor: identitySchema.optional().meta({ description: CURSOR }),
  presence: presenceSchema
    .optional()
    .meta({ description: 'Only devices of this presence; a page may then be short although more follow' }),
  effect: z.literal('ineffective').optional().meta({
    description: "Only devices on which the last measured effect of some rule's commands did not come",
  }),
});

export const telemetrySchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    presence: presenceSchema,
    ageMs: ageMs.optional(),
    readings: z.array(readingSchema),
  })
  .meta({
    id: 'Telemetry',
    examples: [
      {
        fleet: 'demo',
        device: 'lamp-0001',
        presence: 'online',
        ageMs: 812,
        readings: [
          { measurements: { light: 412 }, seq: 7, receivedAt: '2026-11-22T12:00:12.004Z', late: false },
          { measurements: { light: 398 }, seq: 6, receivedAt: '2026-11-22T12:00:10.003Z', late: false },
        ],
      },
    ],
  });
export type TelemetryBody = z.infer<typeof telemetrySchema>;

export const telemetryQuery = z.strictObject({ limit: limitSchema, ...spanQuery });

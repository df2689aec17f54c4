import { PRESENCE_STATES } from '@lamplighter/contracts/devices/presence';
import { identitySchema } from '@lamplighter/contracts/identity';
import { HISTORY_REASONS } from '@lamplighter/contracts/telemetry/reading';
import { z } from 'zod';
import { spanQuery } from '../responses/export.js';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';
import { settingsBodySchema } from './device-settings.js';
import { edgeSettingSchema } from './edge-rule.js';
import { telemetryIntervalSchema } from './telemetry-interval.js';

export const presenceSchema = z.enum(PRESENCE_STATES).meta({
  description:
    'online: sent a message within the last 30 s; stale: silent for longer; offline: said goodbye, or the broker published its will; ' +
    'never_seen: has never reported, but a command or rule names it',
});

const measurements = z
  .record(z.string(), z.json())
  .meta({ description: 'Named values, as sent by the device', examples: [{ light: 412, led_on: false }] });
const ageMs = z.int().min(0).meta({ description: "Age of the last state by Redis's clock, milliseconds" });

const readingSchema = z
  .object({
    measurements,
    seq: z.int().optional().meta({ description: "The device's sequence number, if it sends one" }),
    at: timeSchema("The device's time, if it sends one").optional(),
    receivedAt: timeSchema('Server time of receipt'),
    late: z.boolean().meta({
      description:
        'Whether it arrived after a newer reading or was retained by the broker, and so was never the last state',
    }),
    history: z.literal(true).optional().meta({
      description:
        'Present if the reading was history on arrival, so that rules did not act on it; `why` has the reason',
    }),
    why: z
      .enum(HISTORY_REASONS)
      .optional()
      .meta({
        description:
          'Why the reading is history. late: it arrived after a newer one. replayed: it was part of a replay, but not its newest. retained: ' +
          'the broker retained it, so its age is unknown. stale: according to the device clock it was older than 30 s on arrival; rules with ' +
          'a longer `maxAge` still evaluated it.',
      }),
  })
  .meta({ id: 'Reading' });

export const deviceSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    lesson: z.boolean().meta({ description: 'Whether it uses the two-level topics of the lesson' }),
    presence: presenceSchema,
    session: z
      .object({
        id: z.int(),
        online: z.boolean(),
        since: timeSchema('When the birth or will arrived'),
        telemetry: z.enum(['latest', 'keep']).meta({
          description:
            'keep: stores readings while offline and sends them later; latest: sends only the latest',
        }),
        sleepsMs: z.int().optional().meta({
          description:
            'Set for a sleeping device, which connects only to report, at least this often; a goodbye does not make it offline',
        }),
      })
      .optional()
      .meta({ description: 'The connection, as announced by the device; absent if it publishes no birth' }),
    last: readingSchema
      .optional()
      .meta({ description: 'The last state: the newest reading; absent if it has never reported' }),
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

/** Counts of readings that did not simply follow the last state. */
const orderSchema = z
  .object({
    late: count(
      'Readings that arrived after a newer one and were stored as history, including retained ones',
    ),
    duplicate: count('Readings received more than once'),
    tooOld: count('Readings older than all stored ones, which were not stored'),
    retained: count('Readings retained by the broker'),
    refused: count('Rejected readings with a readable `_seq`'),
    restarts: count(
      'How often a reading with a lower number restarted the order: a new session, a restarted counter, or a corrected clock',
    ),
    clockBehindMs: z.int().min(1).optional().meta({
      description: 'How far the `_at` of the last state was in the past on arrival, if more than 30 s',
    }),
    sentences: z.array(z.string()).meta({
      description: 'Problems with the latest readings, as sentences; empty if there are none',
    }),
  })
  .meta({ description: 'Why rules do not act on readings of this device' });

const [deviceExample] = deviceSchema.meta()!.examples as [DeviceBody];

/** A single device with all its details. */
export const deviceDetailSchema = deviceSchema
  .extend({
    telemetryInterval: telemetryIntervalSchema.optional().meta({
      description: 'Desired and measured telemetry interval; absent if none is set and none can be measured',
    }),
    order: orderSchema,
    settings: settingsBodySchema,
    edgeRule: edgeSettingSchema.optional().meta({
      description: 'The rule that it evaluates while its link is down; absent if none was ever set',
    }),
    stoppedLanes: z
      .array(
        z.object({
          lane: z.string(),
          stoppedBy: z.string().meta({ description: 'The command that failed' }),
        }),
      )
      .meta({
        description:
          'Lanes stopped by a failed command; nothing is dispatched in them until they are resumed',
      }),
    effects: z
      .array(
        z.object({
          rule: z.string(),
          outcome: z.enum(['effective', 'ineffective']),
          at: timeSchema('When the effect was determined'),
          command: z.string().meta({ description: 'The command whose effect was measured' }),
        }),
      )
      .meta({
        description: 'The last measured effect of each rule that expects one, for at most 100 rules',
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
            'the clock of lamp-0001 is 2 h behind, or its readings arrive 2 h late: rules with a shorter maxAge do not evaluate them',
          ],
        },
        settings: { telemetryInterval: 10000 },
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
    .meta({ description: 'Only devices with this presence; a page may then be short although more follow' }),
  effect: z.literal('ineffective').optional().meta({
    description: 'Only devices for which the last measured effect of at least one rule is `ineffective`',
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

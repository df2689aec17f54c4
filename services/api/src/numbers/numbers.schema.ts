import { promiseNumbers } from '@lamplighter/service-kit/promise-numbers';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';

/** The numbers cover this time, in steps of this length, milliseconds. */
export const SPAN_MS = 15 * 60_000;
export const STEP_MS = 15_000;

type NumberName = keyof ReturnType<typeof promiseNumbers>;
export const NUMBER_NAMES = Object.keys(promiseNumbers()) as [NumberName, ...NumberName[]];

const alertSchema = z.object({
  name: z.string(),
  severity: z.string().optional(),
  summary: z.string(),
  description: z.string().optional(),
  since: timeSchema('When its condition became true'),
  state: z
    .enum(['pending', 'firing'])
    .meta({ description: 'pending: its condition holds, but not yet for long enough' }),
});

export const numbersSchema = z
  .object({
    at: timeSchema('The time of the last value'),
    stepMs: z.int().meta({ description: 'Time between values, milliseconds' }),
    numbers: z.array(
      z.object({
        name: z.enum(NUMBER_NAMES).meta({
          description:
            'telemetryRate: readings stored per second; commandRate: commands dispatched per second; loopP99: loop latency in seconds, 99th ' +
            'percentile of a minute; oldestPending: age of the oldest open command in seconds; unexplainedReadings, unexplainedCommands: what ' +
            'the ledgers do not explain',
        }),
        values: z
          .array(z.number().nullable())
          .meta({ description: 'Of the last 15 minutes, oldest first; null where there is no value' }),
      }),
    ),
    alerts: z
      .array(alertSchema)
      .optional()
      .meta({ description: 'Alerts by severity and name; absent without Prometheus' }),
    problem: z.string().optional().meta({ description: 'Why there are no numbers' }),
  })
  .meta({
    id: 'Numbers',
    examples: [
      {
        at: '2026-11-22T12:00:00.000Z',
        stepMs: 15000,
        numbers: [{ name: 'telemetryRate', values: [24.8, 25.1] }],
        alerts: [
          {
            name: 'CommandsStuck',
            severity: 'page',
            summary: 'Commands are waiting too long.',
            since: '2026-11-22T11:58:00.000Z',
            state: 'firing',
          },
        ],
      },
    ],
  });
export type NumbersBody = z.infer<typeof numbersSchema>;

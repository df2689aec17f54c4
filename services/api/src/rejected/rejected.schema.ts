import { z } from 'zod';
import { timeSchema } from '../iso-time.js';
import { limitSchema } from '../requests/page.js';

export const rejectedSchema = z
  .object({
    rejected: z.array(
      z.object({
        at: timeSchema('Server time when it came'),
        reason: z.string(),
        topic: z.string().meta({ description: 'At most its first 128 characters' }),
        payload: z.string().meta({
          description: 'At most its first 200 characters; bytes that are no text are shown as U+FFFD',
        }),
      }),
    ),
  })
  .meta({
    id: 'Rejected',
    examples: [
      {
        rejected: [
          {
            at: '2026-11-22T12:00:00.000Z',
            reason: 'bad_json',
            topic: 'demo/telemetry/lamp-0001',
            payload: '{"light":',
          },
        ],
      },
    ],
  });

export const rejectedQuery = z.strictObject({ limit: limitSchema });

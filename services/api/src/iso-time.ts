import { z } from 'zod';

/** Milliseconds since 1970 as the API tells times: ISO 8601 in UTC, milliseconds included. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A time in an answer. */
export const timeSchema = (description: string) =>
  z.string().meta({ description, format: 'date-time', examples: ['2026-11-22T12:00:00.000Z'] });

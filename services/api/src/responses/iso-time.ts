import { z } from 'zod';

/** Formats milliseconds since 1970 as the API does: ISO 8601 in UTC, with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A time in a response. */
export const timeSchema = (description: string) =>
  z.string().meta({ description, format: 'date-time', examples: ['2026-11-22T12:00:00.000Z'] });

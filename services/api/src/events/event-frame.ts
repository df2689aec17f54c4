import type { StoredEvent } from '@lamplighter/store/events/events';
import { isoTime } from '../iso-time.js';
import { timeOf } from './stream-position.js';

/** An event as it goes over the wire. JSON has no line breaks, so one data line holds it. */
export function eventFrame({ id, event }: StoredEvent): string {
  const data = JSON.stringify({ ...event, at: isoTime(timeOf(id)) });
  return `id: ${id}\nevent: ${event.type}\ndata: ${data}\n\n`;
}

/** Tells a client that it missed events: it reads too slowly, or comes back too late. It has no id, so resuming is not moved. */
export function missedFrame(cause: 'slow' | 'late', count?: number): string {
  return `event: missed\ndata: ${JSON.stringify({ cause, ...(count !== undefined && { count }) })}\n\n`;
}

export const HEARTBEAT = ': heartbeat\n\n';
/** How long an EventSource waits before it comes back, milliseconds. */
export const OPENING = 'retry: 2000\n: watching\n\n';

import type { StoredEvent } from '@lamplighter/store/events/events';
import { isoTime } from '../responses/iso-time.js';
import { timeOf } from './stream-position.js';

/** An event as a server-sent event. JSON has no line breaks, so one data line is enough. */
export function eventFrame({ id, event }: StoredEvent): string {
  const data = JSON.stringify({ ...event, at: isoTime(timeOf(id)) });
  return `id: ${id}\nevent: ${event.type}\ndata: ${data}\n\n`;
}

/** Notifies a client that it missed events because it reads too slowly or reconnected too late. Has no id, so it does not move the resume position. */
export function missedFrame(cause: 'slow' | 'late', count?: number): string {
  return `event: missed\ndata: ${JSON.stringify({ cause, ...(count !== undefined && { count }) })}\n\n`;
}

export const HEARTBEAT = ': heartbeat\n\n';
/** Sets the reconnect delay of an EventSource, milliseconds. */
export const OPENING = 'retry: 2000\n: watching\n\n';

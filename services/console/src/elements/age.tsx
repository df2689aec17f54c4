import { serverNow } from '../live/server-clock.js';
import { localTime, span } from './format.js';
import { useNow } from './use-now.js';

/** How long ago a server time was; hover shows the time in UTC. */
export function Age({ at, suffix = ' ago' }: { at: number; suffix?: string }) {
  useNow();
  const ageMs = Math.max(0, serverNow() - at);
  return (
    <time className="age" dateTime={new Date(at).toISOString()} title={new Date(at).toISOString()}>
      {ageMs < 1000 ? 'now' : `${span(ageMs)}${suffix}`}
    </time>
  );
}

/** A time in the viewer's time zone; hover shows it in UTC. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {localTime(Date.parse(at))}
    </time>
  );
}

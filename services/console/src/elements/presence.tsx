import type { Presence } from '../live/fleet-states.js';
import { PRESENCE_NAMES } from './presence-names.js';

/** Each presence has its own shape, so that it does not depend on colour. */
export function PresenceMark({ presence }: { presence: Presence }) {
  return (
    <span className="presence" data-presence={presence}>
      <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        {presence === 'online' && <circle cx="5" cy="5" r="4" fill="currentColor" />}
        {presence === 'stale' && (
          <>
            <circle cx="5" cy="5" r="4" fill="none" stroke="currentColor" strokeWidth="1.4" />
            <path d="M5 1a4 4 0 0 0 0 8Z" fill="currentColor" />
          </>
        )}
        {presence === 'offline' && (
          <path d="m1.5 1.5 7 7m0-7-7 7" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
        )}
        {presence === 'never_seen' && (
          <circle
            cx="5"
            cy="5"
            r="3.6"
            fill="none"
            stroke="currentColor"
            strokeWidth="1.2"
            strokeDasharray="2 1.6"
          />
        )}
      </svg>
      {PRESENCE_NAMES[presence]}
    </span>
  );
}

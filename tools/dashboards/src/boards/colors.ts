import type { Colors } from '../panels.js';

/** What a colour means is the same on all dashboards: green as promised, yellow worth a look, red lost or refused. */
export const PRESENCE: Colors = {
  online: 'green',
  stale: 'yellow',
  offline: 'red',
  never_seen: 'text',
  left: 'blue',
};

export const RESULTS: Colors = {
  accepted: 'green',
  late: 'blue',
  duplicate: 'purple',
  stale: 'yellow',
  retained: 'light-blue',
  replayed: 'purple',
  rejected: 'red',
  retried: 'orange',
  failed: 'dark-red',
};

export const ENDS: Colors = {
  succeeded: 'green',
  superseded: 'blue',
  cancelled: 'purple',
  expired: 'yellow',
  failed: 'red',
  rejected: 'dark-red',
  unknown: 'orange',
};

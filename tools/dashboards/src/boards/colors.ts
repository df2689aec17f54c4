import type { Colors } from '../panels.js';

// Colors mean the same on all dashboards: green is healthy, yellow deserves a look, red is lost or rejected.

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

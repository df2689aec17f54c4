import type { Presence } from '../live/fleet-states.js';

export const PRESENCES: readonly Presence[] = ['online', 'stale', 'offline', 'never_seen'];
export const PRESENCE_NAMES: Readonly<Record<Presence, string>> = {
  online: 'online',
  stale: 'stale',
  offline: 'offline',
  never_seen: 'never seen',
};

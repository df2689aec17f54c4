import type { Schemas } from '../api/client.js';
import type { LiveEvent } from './event-stream.js';

export type Presence = Schemas['LastStates']['devices'][number]['presence'];

/** What the console knows about a device. Times are milliseconds on the Redis clock. */
export interface DeviceState {
  readonly device: string;
  readonly presence: Presence;
  /** Absent if the device has never reported. */
  readonly receivedAt: number | undefined;
  readonly measurements: Readonly<Record<string, unknown>>;
  readonly pendingCommands: number;
}

/**
 * The last states of a fleet, from the list of last states and, between lists, from live events. Outside of React, since a large fleet
 * changes many times a second: views subscribe and read what they show.
 */
export class FleetStates {
  /** By name, in the order of the api. */
  devices: readonly DeviceState[] = [];
  /** Incremented with every change. */
  version = 0;
  /** When the list was read; undefined before the first one. */
  listedAt: number | undefined;
  private readonly indexes = new Map<string, number>();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get(device: string): DeviceState | undefined {
    const index = this.indexes.get(device);
    return index === undefined ? undefined : this.devices[index];
  }

  /** Takes a complete list. A reading that a live event brought after the list was read stays. */
  applyList({ at, devices }: Pick<Schemas['LastStates'], 'at' | 'devices'>): void {
    const readAt = Date.parse(at);
    const listed = devices.map(({ device, presence, ageMs, measurements = {}, pendingCommands }) => {
      const receivedAt = ageMs === undefined ? undefined : readAt - ageMs;
      const known = this.get(device);
      const isNewer = known?.receivedAt !== undefined && known.receivedAt > Math.max(readAt, receivedAt ?? 0);
      return isNewer
        ? { ...known, pendingCommands }
        : { device, presence, receivedAt, measurements, pendingCommands };
    });
    this.indexes.clear();
    for (const [index, { device }] of listed.entries()) this.indexes.set(device, index);
    this.devices = listed;
    this.listedAt = readAt;
    this.notify();
  }

  /** @returns whether the events name a device that is not listed, so that the list must be read again */
  applyEvents(events: readonly LiveEvent[]): boolean {
    const devices = [...this.devices];
    let isIncomplete = false;
    let isChanged = false;
    for (const event of events) {
      const index = event.device === undefined ? undefined : this.indexes.get(event.device);
      if (event.type !== 'telemetry' && event.type !== 'presence' && event.type !== 'removal') continue;
      if (index === undefined || event.type === 'removal') isIncomplete = true;
      else {
        devices[index] = afterEvent(devices[index]!, event);
        isChanged = true;
      }
    }
    if (isChanged) {
      this.devices = devices;
      this.notify();
    }
    return isIncomplete;
  }

  private notify(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

function afterEvent(state: DeviceState, event: LiveEvent): DeviceState {
  if (event.type === 'presence') return { ...state, presence: event.online === true ? 'online' : 'offline' };
  const receivedAt = Date.parse(event.at ?? '');
  if (Number.isNaN(receivedAt) || receivedAt < (state.receivedAt ?? 0)) return state;
  return {
    ...state,
    presence: 'online',
    receivedAt,
    measurements: event.measurements as DeviceState['measurements'],
  };
}

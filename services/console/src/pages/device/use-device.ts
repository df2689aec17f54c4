import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { deviceCommandsQuery, deviceQuery, readingsQuery } from '../../api/device-queries.js';
import type { LiveEvent } from '../../live/event-stream.js';
import { useEvents, useLive } from '../../live/live-context.js';
import { useRefresh } from '../../live/use-refresh.js';

/** The store keeps this many readings of a device. */
const READINGS = 240;

export interface DeviceAddress {
  readonly fleet: string;
  readonly device: string;
}

/** The address of a device, whose page follows its live events. */
export function useDevice(device: string): DeviceAddress {
  const { fleet } = useLive();
  const address = { fleet, device };
  const isOwn = (event: LiveEvent, types: readonly string[]) =>
    event.device === device && types.includes(event.type);
  useRefresh((event) => isOwn(event, COMMAND_EVENTS), deviceCommandsQuery(address).queryKey);
  useRefresh((event) => isOwn(event, DEVICE_EVENTS), deviceQuery(address).queryKey);
  useLiveReadings(fleet, device);
  return address;
}

const COMMAND_EVENTS = ['command', 'effect'];
const DEVICE_EVENTS = [...COMMAND_EVENTS, 'presence', 'removal'];

/** Adds the readings that live events sample to those that were read, so that the plot needs no request for them. */
function useLiveReadings(fleet: string, device: string): void {
  const queries = useQueryClient();
  const add = useCallback(
    (events: readonly LiveEvent[]) => {
      const readings = events
        .filter((event) => event.device === device && event.type === 'telemetry')
        .map(readingOf)
        .reverse();
      if (readings.length === 0) return;
      queries.setQueryData(readingsQuery({ fleet, device }).queryKey, (known) =>
        known === undefined
          ? known
          : { ...known, readings: [...readings, ...known.readings].slice(0, READINGS) },
      );
    },
    [device, fleet, queries],
  );
  useEvents(add);
}

/** The reading that a live event samples. */
function readingOf({ at = '', measurements }: LiveEvent) {
  return { receivedAt: at, late: false, measurements: measurements as Record<string, never> };
}

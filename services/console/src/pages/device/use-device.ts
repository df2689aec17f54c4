import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { deviceCommandsQuery, deviceQuery, readingsQuery } from '../../api/device-queries.js';
import type { LiveEvent } from '../../live/event-stream.js';
import { useEvents, useLive } from '../../live/live-context.js';

/** The store keeps this many readings of a device. */
const READINGS = 240;

export interface DeviceAddress {
  readonly fleet: string;
  readonly device: string;
}

/** Applies live events of a device to what its page has read. */
export function useDeviceEvents(device: string): DeviceAddress {
  const { fleet } = useLive();
  const queries = useQueryClient();
  const apply = useCallback(
    (events: readonly LiveEvent[]) => {
      const address = { fleet, device };
      const own = events.filter((event) => event.device === device);
      const isNamed = (...types: string[]) => own.some(({ type }) => types.includes(type));
      const readings = own
        .filter(({ type }) => type === 'telemetry')
        .map(readingOf)
        .reverse();
      if (readings.length > 0) {
        queries.setQueryData(readingsQuery(address).queryKey, (known) =>
          known === undefined
            ? known
            : { ...known, readings: [...readings, ...known.readings].slice(0, READINGS) },
        );
      }
      const read = (queryKey: readonly unknown[]) => void queries.invalidateQueries({ queryKey });
      if (isNamed('command', 'effect')) read(deviceCommandsQuery(address).queryKey);
      if (isNamed('command', 'effect', 'presence', 'removal')) read(deviceQuery(address).queryKey);
    },
    [device, fleet, queries],
  );
  useEvents(apply);
  return { fleet, device };
}

/** The reading that a live event samples. */
function readingOf({ at = '', measurements }: LiveEvent) {
  return { receivedAt: at, late: false, measurements: measurements as Record<string, never> };
}

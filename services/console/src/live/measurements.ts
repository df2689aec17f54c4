import type { DeviceState } from './fleet-states.js';

/** The measurements that a fleet has, by how a view can show them. Sorted by how many devices have them, then by name. */
export interface FleetMeasurements {
  readonly numbers: readonly string[];
  readonly switches: readonly string[];
  readonly all: readonly string[];
}

/** In a large fleet, this many devices are examined, spread over all of them. */
const SAMPLE = 500;

export function measurementsOf(devices: readonly DeviceState[]): FleetMeasurements {
  const counts = new Map<string, { count: number; type: string }>();
  const step = Math.max(1, Math.floor(devices.length / SAMPLE));
  for (let index = 0; index < devices.length; index += step) {
    for (const [name, value] of Object.entries(devices[index]!.measurements)) {
      const known = counts.get(name) ?? { count: 0, type: typeof value };
      known.count += 1;
      counts.set(name, known);
    }
  }
  const sorted = [...counts].sort(([one, a], [other, b]) => b.count - a.count || (one < other ? -1 : 1));
  const ofType = (type: string) => sorted.filter(([, each]) => each.type === type).map(([name]) => name);
  return { numbers: ofType('number'), switches: ofType('boolean'), all: sorted.map(([name]) => name) };
}

/** The chosen name if the fleet has it, or the usual one, or the most common one. */
export function chosenOf(names: readonly string[], chosen: string | null, usual: string): string | undefined {
  return names.find((name) => name === chosen) ?? names.find((name) => name === usual) ?? names[0];
}

/** The smallest and largest value, without the most extreme hundredth: one broken sensor must not darken the map. */
export function rangeOf(
  devices: readonly DeviceState[],
  name: string,
): { least: number; most: number } | undefined {
  const values = devices
    .map(({ measurements }) => measurements[name])
    .filter((value) => typeof value === 'number')
    .sort((one, other) => one - other);
  const cut = Math.floor(values.length / 100);
  const [least, most] = [values[cut], values[values.length - 1 - cut]];
  return least === undefined || most === undefined ? undefined : { least, most };
}

import type { Schemas } from '../../api/client.js';

type Reading = Pick<Schemas['Reading'], 'receivedAt' | 'measurements'>;

/** Columns for a plot: times in seconds, oldest first, and values. */
export interface PlotSeries {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  /** A switch with the values, 1 while it is on. */
  readonly switched: readonly (number | null)[];
}

/** The readings of a device, newest first, as columns. A reading without the measurement leaves a gap. */
export function plotSeries(
  readings: readonly Reading[],
  name: string,
  switchName: string | undefined,
): PlotSeries {
  const sorted = [...readings].sort(
    (one, other) => Date.parse(one.receivedAt) - Date.parse(other.receivedAt),
  );
  return {
    times: sorted.map(({ receivedAt }) => Date.parse(receivedAt) / 1000),
    values: sorted.map(({ measurements }) => numeric(measurements[name])),
    switched: sorted.map(({ measurements }) =>
      switchName === undefined ? null : numeric(measurements[switchName]),
    ),
  };
}

function numeric(value: unknown): number | null {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'number' ? value : null;
}

/** The names of all measurements that can be plotted, the most frequent first. */
export function plottable(readings: readonly Reading[]): {
  numbers: readonly string[];
  switches: readonly string[];
} {
  const counts = new Map<string, { count: number; type: string }>();
  for (const { measurements } of readings) {
    for (const [name, value] of Object.entries(measurements)) {
      const known = counts.get(name) ?? { count: 0, type: typeof value };
      known.count += 1;
      counts.set(name, known);
    }
  }
  const names = (type: string) =>
    [...counts]
      .filter(([, each]) => each.type === type)
      .sort(([, one], [, other]) => other.count - one.count)
      .map(([name]) => name);
  return { numbers: names('number'), switches: names('boolean') };
}

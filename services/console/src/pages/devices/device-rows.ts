import { valueText } from '../../elements/format.js';
import { PRESENCES } from '../../elements/presence-names.js';
import type { DeviceState } from '../../live/fleet-states.js';

/** What the table shows: from the query of its address. */
export interface TableQuery {
  readonly search: string;
  readonly presence: string | null;
  /** `device`, `presence`, `age`, `open`, or `=` and the name of a measurement. */
  readonly sort: string;
  readonly isDescending: boolean;
}

/** A column of a measurement, as a sort key: measurements can have the names of the other columns. */
export const measurementKey = (name: string) => `=${name}`;

export function readTableQuery(query: URLSearchParams): TableQuery {
  return {
    search: query.get('q') ?? '',
    presence: query.get('presence'),
    sort: query.get('sort') ?? 'device',
    isDescending: query.get('order') === 'desc',
  };
}

/** The devices to show, in order. The api lists them by name. */
export function rowsOf(devices: readonly DeviceState[], query: TableQuery): readonly DeviceState[] {
  const search = query.search.trim().toLowerCase();
  const rows = devices.filter(
    (state) =>
      (query.presence === null || state.presence === query.presence) &&
      (search === '' || contains(state, search)),
  );
  if (query.sort === 'device') return query.isDescending ? rows.reverse() : rows;
  const sign = query.isDescending ? -1 : 1;
  const readValue = sortValue(query.sort);
  // Devices without a value are last in both orders.
  return rows
    .map((state) => ({ state, value: readValue(state) }))
    .sort((one, other) => {
      if (one.value === undefined || other.value === undefined)
        return Number(one.value === undefined) - Number(other.value === undefined);
      return sign * compare(one.value, other.value);
    })
    .map(({ state }) => state);
}

/** Searches the name and the text of all measurements, `light 120` as shown. */
function contains({ device, measurements }: DeviceState, search: string): boolean {
  if (device.toLowerCase().includes(search)) return true;
  return Object.entries(measurements).some(([name, value]) =>
    `${name} ${valueText(value)}`.toLowerCase().includes(search),
  );
}

function sortValue(sort: string): (state: DeviceState) => number | string | undefined {
  if (sort === 'presence') return ({ presence }) => PRESENCES.indexOf(presence);
  if (sort === 'age') return ({ receivedAt }) => (receivedAt === undefined ? undefined : -receivedAt);
  if (sort === 'open') return ({ pendingCommands }) => pendingCommands;
  const name = sort.slice(1);
  return ({ measurements }) => {
    const value = measurements[name];
    if (value === undefined) return undefined;
    return typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : valueText(value);
  };
}

function compare(one: number | string, other: number | string): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one).localeCompare(String(other), 'en', { numeric: true });
}

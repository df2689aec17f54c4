import type { DeviceState } from '../../live/fleet-states.js';
import { measurementKey, readTableQuery, rowsOf } from './device-rows.js';

const state = (device: string, more: Partial<DeviceState> = {}): DeviceState => ({
  device,
  presence: 'online',
  receivedAt: 1000,
  measurements: {},
  pendingCommands: 0,
  ...more,
});
const DEVICES = [
  state('a', { measurements: { light: 10, mode: 'auto' }, receivedAt: 3000 }),
  state('b', { measurements: { light: 9 }, presence: 'stale', receivedAt: 2000 }),
  state('c', { presence: 'never_seen', receivedAt: undefined, pendingCommands: 2 }),
];
const shown = (query: string) =>
  rowsOf(DEVICES, readTableQuery(new URLSearchParams(query))).map(({ device }) => device);

it.each([
  ['', 'abc'],
  ['order=desc', 'cba'],
  ['sort=age', 'abc'],
  ['sort=age&order=desc', 'bac'],
  ['sort=open&order=desc', 'cab'],
  ['sort=presence&order=desc', 'cba'],
  ['presence=stale', 'b'],
  ['q=AUTO', 'a'],
  ['q=light 9', 'b'],
  ['q=<script>', ''],
])('shows %j as %s', (query, devices) => expect(shown(query).join('')).toBe(devices));

it('sorts by a measurement and places devices without it last', () => {
  const sort = encodeURIComponent(measurementKey('light'));
  expect(shown(`sort=${sort}`)).toEqual(['b', 'a', 'c']);
  expect(shown(`sort=${sort}&order=desc`)).toEqual(['a', 'b', 'c']);
});

import { connect as connectTcp } from 'node:net';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { bytes, CONNECT, isClosed, login, open, PUBLISH, packet, SUBSCRIBE, text } from './wire.js';

const LONG = 'x'.repeat(65_535);

let stack: Stack;
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
  others = await keepOtherFleetGoing(stack);
}, 60_000);
afterEach(() => others.expectServed());

it.each<[what: string, bytes: (fleet: string, url: string) => Buffer[]]>([
  [
    'a login with the longest names',
    () => [packet(CONNECT, 0, text('MQTT'), bytes(4, 0xc2, 0, 60), text(LONG), text(LONG), text(LONG))],
  ],
  [
    'a packet above the limit',
    (fleet, url) => [
      login(url, 'big'),
      packet(PUBLISH, 0, text(`${fleet}/telemetry/x`), Buffer.alloc(310_000)),
    ],
  ],
  [
    'a topic of 30,000 levels',
    (_fleet, url) => [login(url, 'deep'), packet(PUBLISH, 0, text('a/'.repeat(30_000)), Buffer.from('{}'))],
  ],
  [
    'a filter of 30,000 levels',
    (_fleet, url) => [
      login(url, 'filter'),
      packet(SUBSCRIBE, 2, bytes(0, 1), text('a/'.repeat(30_000)), bytes(0)),
    ],
  ],
])(
  'the broker closes a connection with %s',
  async (_what, of) => {
    const { name, url } = await stack.broker.newFleet();
    expect(await isClosed(await open(url, ...of(name, url)), 10_000)).toBe(true);
  },
  60_000,
);

it('a subscription to 20,000 filters in one packet affects only its client', async () => {
  const { url } = await stack.broker.newFleet();
  const filters = Array.from({ length: 20_000 }, (_, n) => Buffer.concat([text(`f/${n}`), bytes(0)]));
  await open(url, login(url, 'many'), packet(SUBSCRIBE, 2, bytes(0, 1), ...filters));
});

it.each<[what: string, reason: string, payload: string]>([
  ['too many bytes', 'too_large', JSON.stringify({ text: 'x'.repeat(270_000) })],
  ['nesting', 'too_deep', `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ['200 kB of nesting', 'too_large', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  [
    'too many keys',
    'schema',
    JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, n]))),
  ],
  ['a long text', 'schema', JSON.stringify({ text: 'x'.repeat(10_000) })],
  ['a long name', 'schema', JSON.stringify({ [LONG.slice(0, 10_000)]: 1 })],
  ['too many readings', 'too_large', JSON.stringify(Array.from({ length: 501 }, () => ({ light: 1 })))],
])('a reading with %s is rejected as %s', async (_what, reason, payload) => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet, 'lamp');
  const rejected = () => stack.metric('lamplighter_telemetry_rejected_total', { reason });
  const before = await rejected();
  await device.publish(`${fleet.name}/telemetry/lamp`, payload);
  await until(async () => (await rejected()) > before, { what: 'the reading to be rejected' });
});

/** The status of a request that is written as it is. */
function statusOf(request: string): Promise<number> {
  const socket = connectTcp(Number(new URL(stack.api.url).port), '127.0.0.1');
  closeLater('socket', () => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write(request);
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(Number(/^HTTP\/1.1 (\d+)/.exec(data.toString())?.[1])));
    socket.once('close', () => resolve(0));
  });
}

it.each<[what: string, status: number, request: (key: string) => string]>([
  ['a URL of 100 kB', 431, () => `GET /v1/fleets?cursor=${LONG}${LONG} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['a header of 64 kB', 431, () => `GET /v1/fleets HTTP/1.1\r\nHost: a\r\nX: ${LONG}\r\n\r\n`],
  [
    'a body of 10 MB',
    413,
    (key) =>
      `POST /v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n`,
  ],
  [
    'a cursor of 8 kB',
    400,
    (key) =>
      `GET /v1/fleets?cursor=${LONG.slice(0, 8000)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`,
  ],
  [
    'a negative length',
    400,
    (key) =>
      `POST /v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Length: -1\r\n\r\n`,
  ],
  [
    'two lengths',
    400,
    (key) =>
      `POST /v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
  ],
  [
    'a length and chunks',
    400,
    (key) =>
      `POST /v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
  ],
])('the api refuses %s with %s', async (_what, status, request) => {
  expect(await statusOf(request(stack.key))).toBe(status);
});

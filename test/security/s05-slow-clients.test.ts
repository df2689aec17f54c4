import type { Socket } from 'node:net';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { connectAnnounced } from '../system/announced-device.js';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { bytes, isClosed, login, open, openMany, PUBLISH, packet, SUBSCRIBE, text } from './wire.js';

const CLIENTS = 200;

let stack: Stack;
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);
beforeEach(async () => {
  others = await keepOtherFleetGoing(stack);
});

/** Writes one byte after the other until the end of the test, or until the connection is closed. */
function drip(sockets: readonly Socket[], data: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write(data.subarray(at, at + 1));
    at = (at + 1) % data.length;
  }, 200);
  closeLater('slow writers', () => clearInterval(timer));
}

it(`${CLIENTS} devices that send a large packet one byte at a time do not slow others`, async () => {
  const fleet = await stack.broker.newFleet();
  const slow = packet(PUBLISH, 0, text(`${fleet.name}/telemetry/slow`), Buffer.alloc(200_000, ' '));
  const sockets = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => open(fleet.url, login(fleet.url, `slow-${n}`))),
  );
  drip(sockets, slow);
  await others.expectServed();
  const device = await connectDevice(fleet, 'honest');
  await device.sendReading({ light: 100 });
  await device.nextCommand();
  await others.expectServed();
}, 60_000);

it('devices that subscribe and never read are served less, and others are not', async () => {
  const fleet = await stack.broker.newFleet();
  const subscribe = packet(SUBSCRIBE, 2, bytes(0, 1), text(`${fleet.name}/receipts/+`), bytes(1));
  for (let n = 0; n < 50; n += 1) {
    const socket = await open(fleet.url, login(fleet.url, `not-reading-${n}`, 0), subscribe);
    socket.pause();
  }
  const keeper = await connectAnnounced(stack, fleet, 'keeper', { session: 1, telemetry: 'keep' });
  const READINGS = 5000;
  for (let seq = 1; seq <= READINGS; seq += 500)
    await keeper.sendReading(Array.from({ length: 500 }, (_, i) => ({ light: 900, _seq: seq + i })));
  const receipts = () =>
    keeper.received
      .filter(({ topic }) => topic.includes('/receipts/'))
      .flatMap(({ payload }) => (JSON.parse(payload.toString()) as { stored: number[] }).stored);
  await until(() => new Set(receipts()).size === READINGS, {
    what: 'the device that reads to get its receipts',
  });
  await others.expectServed();
}, 60_000);

it(`${CLIENTS} clients of the api that send headers one byte at a time are closed`, async () => {
  const port = Number(new URL(stack.api.url).port);
  const sockets = await openMany(
    CLIENTS,
    port,
    Buffer.from('GET /v1/fleets HTTP/1.1\r\nHost: a\r\nX-Slow: '),
  );
  drip(sockets, Buffer.from('abc'));
  expect((await stack.get('/v1/fleets')).status).toBe(200);
  await others.expectServed();
  const closed = await Promise.all(sockets.map((socket) => isClosed(socket, 60_000)));
  expect(closed.filter((is) => is)).toHaveLength(CLIENTS);
  await others.expectServed();
}, 90_000);

it('clients of the api that never read their responses do not slow others', async () => {
  const request = `GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n`;
  const port = Number(new URL(stack.api.url).port);
  for (let n = 0; n < 100; n += 1) {
    const socket = await open(port, Buffer.from(request.repeat(3)));
    socket.pause();
  }
  const bundle = await fetch(`${stack.api.url}/docs/swagger-ui-bundle.js`, {
    headers: { connection: 'close' },
  });
  // More than the buffers of a connection hold.
  expect((await bundle.text()).length).toBeGreaterThan(1_000_000);
  const since = performance.now();
  expect((await stack.get('/v1/fleets')).status).toBe(200);
  expect(performance.now() - since).toBeLessThan(5000);
  const metrics = await (
    await fetch(`${stack.api.url}/metrics`, { headers: { connection: 'close' } })
  ).text();
  const memory = Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)![1]);
  expect(memory).toBeLessThan(700_000_000);
  await others.expectServed();
}, 60_000);

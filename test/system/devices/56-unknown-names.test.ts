import { connectDevice } from '@lamplighter/test-kit/device';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { expectProblem, FAN } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const SCHEMA = { measurements: { heat: { type: 'number' } } };
/** Every write that names a fleet or a device. */
const writes = (fleet: string): [method: string, path: string, body: object][] => [
  ['POST', `/v1/fleets/${fleet}/devices/lamp/commands`, { action: { led_on: true } }],
  ['PUT', `/v1/fleets/${fleet}/devices/lamp/settings`, { telemetryInterval: '10s' }],
  ['PUT', `/v1/fleets/${fleet}/devices/lamp/settings`, { telemetryInterval: null }],
  ['PUT', `/v1/fleets/${fleet}/devices/lamp/settings`, { edgeRule: null }],
  ['POST', `/v1/fleets/${fleet}/commands`, { action: { led_on: true }, selector: {} }],
  ['POST', `/v1/fleets/${fleet}/rules`, FAN],
  ['PUT', `/v1/fleets/${fleet}/rules/fan`, FAN],
  ['PUT', `/v1/fleets/${fleet}/telemetry-schema`, SCHEMA],
];

it('a misspelt fleet is 404 everywhere, with a way to proceed, and creates nothing', async () => {
  for (const [method, path, body] of writes('dmeo')) {
    const response = await stack.send(method, path, body);
    expectProblem(response, 404, 'no-such-fleet');
    expect(response.body.detail).toContain('?allowUnknown=true');
  }
  const redis = await connected(stack.redis.url);
  expect((await redis.keys('*')).filter((key) => key.includes('dmeo'))).toEqual([]);
  expect((await stack.get('/v1/fleets')).body.fleets).toEqual([]);
  expectProblem(await stack.get('/v1/fleets/dmeo'), 404, 'no-such-fleet');
});

it('a misspelt device of a known fleet is 404, also with policy `now`', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ heat: 20 });
  await stack.lastState(fleet, 'lamp-0001', ({ heat }) => heat === 20);
  const path = `/v1/fleets/${fleet.name}/devices/lmap-0001/commands`;
  for (const policy of ['latest', 'ordered', 'now']) {
    const response = await stack.send('POST', path, { action: { led_on: true }, policy });
    expectProblem(response, 404, 'no-such-device');
    expect(response.body.detail).toContain('?allowUnknown=true');
  }
  expect((await stack.get(`/v1/fleets/${fleet.name}`)).body.devices.never_seen).toBe(0);
});

it('with allowUnknown a fleet gets its rules, and a device its command, before any device has reported', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}`;
  expect((await stack.send('PUT', `${path}/rules/fan?allowUnknown=true`, FAN)).status).toBe(201);
  // The fleet is known by its rule from now on.
  expect((await stack.send('PUT', `${path}/telemetry-schema`, SCHEMA)).status).toBe(200);
  expect((await stack.get(path)).body.devices).toEqual({ online: 0, stale: 0, offline: 0, never_seen: 0 });
  const sent = await stack.send('POST', `${path}/devices/lamp-0001/commands?allowUnknown=true`, {
    action: { fan: 'fast' },
  });
  expect([sent.status, sent.body.presence]).toEqual([202, 'never_seen']);
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ heat: 20 });
  expect(await lamp.nextCommand()).toMatchObject({ fan: expect.any(String) });
  expectProblem(await stack.send('POST', `${path}/rules?allowUnknown=yes`, FAN), 400, 'invalid-request');
});

it('a telemetry interval is cleared with null, and the device is notified', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ heat: 20 });
  await stack.lastState(fleet, 'lamp-0001', ({ heat }) => heat === 20);
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const set = (telemetryInterval: string | null) =>
    stack.send('PUT', `${path}/settings`, { telemetryInterval });
  expect((await set('10s')).status).toBe(202);
  expect(await lamp.nextCommand()).toMatchObject({ telemetry_interval_ms: 10_000 });
  expect((await stack.get(path)).body.telemetryInterval).toMatchObject({ desiredMs: 10_000 });
  expect((await set(null)).status).toBe(202);
  expect(await lamp.nextCommand()).toMatchObject({ telemetry_interval_ms: null });
  expect((await stack.get(path)).body.telemetryInterval?.desiredMs).toBeUndefined();
});

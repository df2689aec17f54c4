import { connectDevice } from '@lamplighter/test-kit/device';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { expectProblem, FAN } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const SCHEMA = { measurements: { heat: { type: 'number' } } };
/** All requests that write to a fleet or device. */
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

it('returns 404 with a hint for a misspelt fleet, and creates nothing', async () => {
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

it('returns 404 for a misspelt device of a known fleet, with each policy', async () => {
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

it('accepts rules and commands with allowUnknown before any device has reported', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}`;
  expect((await stack.send('PUT', `${path}/rules/fan?allowUnknown=true`, FAN)).status).toBe(201);
  // The rule has created the fleet.
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

it('clears a telemetry interval with null, and notifies the device', async () => {
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

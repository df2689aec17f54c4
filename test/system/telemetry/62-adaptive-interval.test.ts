// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { connectDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
import { putRule } from '../rule-requests.js';
import { type ApiResponse, type SharedStack, sharedStack } from '../stack.js';

const LAMP = 'lamp-0001';
let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const setInterval = (fleet: TestFleet, telemetryInterval: unknown): Promise<ApiResponse> =>
  stack.send('PUT', `/v1/fleets/${fleet.name}/devices/${LAMP}/settings?allowUnknown=true`, {
    telemetryInterval,
  });

it('a lamp accepts the setting, measures less often while nothing changes, and stays online', async () => {
  const fleet = await stack.broker.newFleet();
  // The simulated day is so long that the light does not change.
  await startService('device-sim', {
    ...{ MQTT_URL: fleet.url, DEVICES: '1', DAY_SECONDS: '86400', INTERVAL_MS: '200' },
  });
  const path = `/v1/fleets/${fleet.name}/devices/${LAMP}`;
  await until(async () => (await stack.get(path)).body.telemetryInterval?.measuredMs < 1000, {
    what: 'the lamp to measure often',
  });
  const adaptive = { min: '100ms', max: '3s', of: 'light', threshold: [-1000, 5000] };
  const accepted = await setInterval(fleet, adaptive);
  expect([accepted.status, accepted.body.action]).toEqual([
    202,
    { telemetry_interval_ms: { min: 100, max: 3000, of: 'light', thresholds: [-1000, 5000] } },
  ]);
  await until(async () => (await stack.get(`/v1/commands/${accepted.body.id}`)).body.state === 'succeeded', {
    what: 'the lamp to accept the setting',
  });
  await until(
    async () => {
      const { body } = await stack.get(`${path}/telemetry?limit=3`);
      const times = body.readings.map(({ receivedAt }: { receivedAt: string }) => Date.parse(receivedAt));
      return times.length === 3 && times[0] - times[2] > 5000;
    },
    { what: 'three readings three seconds apart', timeoutMs: 40_000 },
  );
  const { body } = await stack.get(path);
  expect(deviceDetailSchema.parse(body)).toEqual(body);
  expect(body).toMatchObject({
    presence: 'online',
    telemetryInterval: {
      adaptive: { minMs: 100, maxMs: 3000, of: 'light', thresholds: [-1000, 5000] },
      late: false,
    },
  });
}, 90_000);

it('a lamp rejects a setting for a measurement that it does not have', async () => {
  const fleet = await stack.broker.newFleet();
  await startService('device-sim', { MQTT_URL: fleet.url, DEVICES: '1' });
  const { body } = await setInterval(fleet, { min: '1s', max: '3s', of: 'heat', threshold: 30 });
  await until(
    async () => {
      const { state, answer } = (await stack.get(`/v1/commands/${body.id}`)).body;
      return state === 'rejected' && /light/.test(JSON.stringify(answer));
    },
    { what: 'the command to be rejected' },
  );
}, 60_000);

it('an absence rule ignores a silence that the interval allows, and raises on a longer one', async () => {
  const fleet = await stack.broker.newFleet();
  await putRule(stack, fleet, {
    ...{ id: 'silence', absence: { after: '2s' }, then: { siren: true }, else: { siren: false } },
  });
  expect((await setInterval(fleet, { min: '1s', max: '4s', of: 'light', threshold: 300 })).status).toBe(202);
  const lamp = await connectDevice(fleet);
  const before = performance.now();
  await lamp.sendReading({ light: 1, _seq: 1 });
  const sirens = () => lamp.commands().filter((command) => 'siren' in command);
  // Without the setting it would be raised after 2 s; with it, after the interval of 4 s and half of that.
  await until(() => sirens().length > 0, { what: 'the siren command' });
  expect(performance.now() - before).toBeGreaterThan(5900);
  expect(sirens()).toEqual([{ siren: true }]);
}, 60_000);

it.each([
  [{ min: '5s', max: '1s', of: 'light', threshold: 300 }],
  [{ min: '1s', max: '25h', of: 'light', threshold: 300 }],
  [{ min: '1s', max: '5s', of: 'light' }],
  [{ min: '1s', max: '5s', of: 'light', threshold: [] }],
  [{ min: '1s', max: '5s', of: 'light', threshold: 300, step: 1 }],
])('the interval cannot be %j', async (interval) => {
  const { status, body } = await setInterval({ name: 'demo', url: '' }, interval);
  expect([status, body.type]).toEqual([400, expect.stringContaining('invalid-request')]);
  expect(body.errors[0].pointer).toMatch(/^\/telemetryInterval/);
});

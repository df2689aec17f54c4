import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { parseExposition } from '../exposition.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

/** Long enough for a busy machine to restart the simulator. */
const FORGET_SECONDS = 30;
const simulate = (fleet: TestFleet, devices: number, forgetSeconds: number) =>
  startService('device-sim', {
    MQTT_URL: fleet.url,
    DEVICES: String(devices),
    INTERVAL_MS: '2000',
    FORGET_SECONDS: String(forgetSeconds),
    TELEMETRY: 'keep',
  });

/** Number of devices of all fleets in the metric that the alerts use. */
async function counted(state: string): Promise<number> {
  const all = parseExposition(await (await fetch(`${stack.api.url}/metrics`)).text());
  const samples = all.get('lamplighter_devices')?.samples ?? [];
  return samples.find(({ labels }) => labels.state === state)?.value ?? Number.NaN;
}

const presenceIn = async (fleet: TestFleet) => (await stack.get(`/v1/fleets/${fleet.name}`)).body?.devices;

const untilOnline = (fleet: TestFleet, online: number) =>
  until(async () => (await presenceIn(fleet))?.online === online, { what: `${online} lamps online` });

it('stopped lamps are offline, trigger no alert, and are removed, unless they return in time, with their readings', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = (number: number) => `/v1/fleets/${fleet.name}/devices/lamp-000${number}`;
  const first = await simulate(fleet, 4, FORGET_SECONDS);
  await untilOnline(fleet, 4);
  const command = await stack.send('POST', `${lamp(1)}/commands`, { action: { report: ['light'] } });
  expect(command.status).toBe(202);
  await first.stop();
  await until(async () => (await presenceIn(fleet)).offline === 4, { what: 'four goodbyes' });
  // The alert DevicesOfflineSurge counts none of them as offline.
  await until(async () => (await counted('left')) === 4, { what: 'four lamps that left' });
  expect(await counted('offline')).toBe(0);

  await simulate(fleet, 2, FORGET_SECONDS);
  await untilOnline(fleet, 2);
  await until(async () => (await stack.get(lamp(4))).status === 404, {
    what: 'lamp 4 to be removed',
    timeoutMs: 60_000,
  });
  await until(async () => (await stack.get(lamp(3))).status === 404, {
    what: 'lamp 3 to be removed',
  });
  const { devices } = (await stack.get(`/v1/fleets/${fleet.name}/devices`)).body;
  expect(devices.map(({ device }: { device: string }) => device)).toEqual(['lamp-0001', 'lamp-0002']);
  expect(await presenceIn(fleet)).toEqual({ online: 2, stale: 0, offline: 0, never_seen: 0 });
  await until(async () => (await counted('left')) === 0, { what: 'no lamp that left' });
  // A lamp that returned in time keeps its readings.
  const { commands } = (await stack.get(`${lamp(1)}/commands`)).body;
  expect(commands).toEqual(expect.arrayContaining([expect.objectContaining({ id: command.body.id })]));
  await until(
    async () => {
      const { readings } = (await stack.get(`/v1/fleets/${fleet.name}/ledger`)).body;
      return readings.unexplained === 0;
    },
    { what: 'the ledger to be balanced' },
  );
}, 150_000);

it('lamps of a killed simulator count as offline until they are removed', async () => {
  const fleet = await stack.broker.newFleet();
  const simulator = await simulate(fleet, 2, 5);
  await untilOnline(fleet, 2);
  const before = await counted('left');
  simulator.kill('SIGKILL');
  await until(async () => (await presenceIn(fleet)).offline === 2, { what: 'two wills' });
  expect(await counted('left')).toBe(before);
  const path = `/v1/fleets/${fleet.name}/devices`;
  const names = async () => (await stack.get(path)).body.devices ?? [];
  await until(async () => (await names()).length === 0, {
    what: 'the lamps to be removed',
    timeoutMs: 60_000,
  });
}, 120_000);

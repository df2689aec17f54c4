import { createLogger } from '@lamplighter/service-kit/log/logger';
import { connectMqtt, type TestClient } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { simulatorConfig } from '../config.js';
import { Simulator } from './simulator.js';

const DEVICES = 4;

/** A simulator of four lamps that report ten times per second, and a client that receives what they publish. */
async function simulate(broker: TestBroker, fleet: TestFleet, env: Record<string, string> = {}) {
  const config = simulatorConfig({
    MQTT_URL: fleet.url,
    DEVICES: String(DEVICES),
    INTERVAL_MS: '100',
    ...env,
  });
  const simulator = new Simulator(config, '0', createLogger('device-sim', 'silent'));
  closeLater('simulator', () => simulator.close());
  simulator.start();
  const service = await connectMqtt(broker.rulesUrl);
  await service.subscribe(`${fleet.name}/telemetry/+`);
  await service.subscribe(`${fleet.name}/acknowledgements/+`);
  return { simulator, service };
}

const untilReady = (simulator: Simulator) =>
  until(() => simulator.readiness().length === 0, { what: 'the simulator to be ready', timeoutMs: 30_000 });

/** Value of a metric, summed over its labels. */
async function metric(simulator: Simulator, name: string): Promise<number> {
  const found = await simulator.metrics.registry.getSingleMetric(`lamplighter_sim_${name}`)?.get();
  return (found?.values ?? []).reduce((sum, { value }) => sum + value, 0);
}

const devicesSeen = (service: TestClient) =>
  new Set(service.received.filter(({ topic }) => topic.includes('/telemetry/')).map(({ topic }) => topic));

const readingOf = (service: TestClient, device: string) =>
  until(() => service.received.findLast(({ topic }) => topic.endsWith(`/telemetry/${device}`)), {
    what: `a reading of ${device}`,
  }).then(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>);

describe('Simulator', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('connects its devices, and each reports light and lamp', async () => {
    const { simulator, service } = await simulate(broker, await broker.newFleet());
    await untilReady(simulator);
    await until(() => devicesSeen(service).size === DEVICES, { what: 'a reading of every device' });
    const { light, led_on: ledOn } = await readingOf(service, 'lamp-0001');
    expect(light).toEqual(expect.any(Number));
    expect(ledOn).toBe(false);
  });

  it('executes commands and counts events', async () => {
    const fleet = await broker.newFleet();
    const { simulator, service } = await simulate(broker, fleet);
    await untilReady(simulator);
    await service.publish(`${fleet.name}/commands/lamp-0002`, { led_on: true });
    await until(async () => (await readingOf(service, 'lamp-0002')).led_on === true, {
      what: 'the lamp to turn on',
    });
    expect((await readingOf(service, 'lamp-0001')).led_on).toBe(false);
    await service.publish(`${fleet.name}/commands/lamp-0002`, { color: 'red' });
    await until(async () => (await metric(simulator, 'commands_received_total')) === 2, {
      what: 'both commands',
    });
    expect(await metric(simulator, 'lamps_on')).toBe(1);
    const published = await metric(simulator, 'published_total');
    const settled = (await metric(simulator, 'acked_total')) + (await metric(simulator, 'unaccounted'));
    expect(settled + (await metric(simulator, 'in_flight'))).toBe(published);
    expect(published).toBeGreaterThan(0);
  });

  it('counts decisions and radio use', async () => {
    const fleet = await broker.newFleet();
    const { simulator, service } = await simulate(broker, fleet);
    await untilReady(simulator);
    for (const [i, ledOn] of [true, true, false].entries()) {
      const envelope = { id: `c${i}`, lane: 'led', seq: i + 1, attempt: 1, expiresAt: Date.now() + 60_000 };
      await service.publish(`${fleet.name}/commands/lamp-0001`, { led_on: ledOn, _cmd: envelope });
    }
    await until(async () => (await metric(simulator, 'commands_received_total')) === 3, {
      what: 'three commands',
    });
    await until(async () => (await metric(simulator, 'decisions_total')) === 2, { what: 'two decisions' });
    expect(await metric(simulator, 'wake_ups_total')).toBeGreaterThanOrEqual(DEVICES);
    const published = await metric(simulator, 'published_total');
    // A reading has at least a topic and a short object; its PUBACK has four bytes.
    expect(await metric(simulator, 'sent_bytes_total')).toBeGreaterThan(60 * published);
    expect(await metric(simulator, 'received_bytes_total')).toBeGreaterThan(
      4 * (await metric(simulator, 'acked_total')),
    );
  });

  it('rejects a command with unknown keys only', async () => {
    const fleet = await broker.newFleet();
    const { simulator, service } = await simulate(broker, fleet);
    await untilReady(simulator);
    const envelope = { id: 'c1', lane: 'x', seq: 1, attempt: 1, expiresAt: Date.now() + 60_000 };
    await service.publish(`${fleet.name}/commands/lamp-0001`, { led_on: 'yes', _cmd: envelope });
    const { payload } = await service.next(({ payload: answer }) => answer.toString().includes('rejected'));
    expect(JSON.parse(payload.toString())).toMatchObject({
      id: 'c1',
      reason: expect.stringMatching(/led_on/),
    });
  });

  it('does not share devices with another simulator', async () => {
    const fleet = await broker.newFleet();
    const replicas = await Promise.all([
      simulate(broker, fleet),
      simulate(broker, fleet),
      simulate(broker, fleet),
    ]);
    for (const { simulator } of replicas) await untilReady(simulator);
    const service = replicas[0]?.service as TestClient;
    await until(() => devicesSeen(service).size === 3 * DEVICES, { what: 'a reading of every device' });
    for (const { simulator } of replicas) expect(await metric(simulator, 'disconnections_total')).toBe(0);
  });

  it('publishes a goodbye for each device on close', async () => {
    const fleet = await broker.newFleet();
    const { simulator, service } = await simulate(broker, fleet);
    await service.subscribe(`${fleet.name}/presence/+`);
    await untilReady(simulator);
    await simulator.close();
    const goodbyes = () =>
      service.received.filter(({ payload }) => payload.includes('"online":false')).length;
    await until(() => goodbyes() === DEVICES, { what: 'the goodbyes' });
  });

  it('reports a refusal of the broker in its readiness', async () => {
    const { simulator } = await simulate(broker, await broker.newFleet(), { FLEET: 'foreign' });
    await until(() => /refuses the account/.test(simulator.readiness()[0] ?? ''), { what: 'the refusal' });
  });
});

describe('Simulator with a failing broker', () => {
  it('reconnects all devices and accounts for every reading', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const { simulator } = await simulate(broker, fleet);
    await untilReady(simulator);
    await broker.kill();
    await until(() => /cannot reach broker/.test(simulator.readiness()[0] ?? ''), {
      what: 'the outage to be reported',
    });
    await until(async () => (await metric(simulator, 'dropped_total')) > 0, { what: 'dropped readings' });
    await broker.start();
    await untilReady(simulator);
    await until(async () => (await metric(simulator, 'reconnects_total')) >= DEVICES, {
      what: 'all devices to reconnect',
      timeoutMs: 30_000,
    });
  }, 90_000);

  it('continues with other names if another simulator has taken its block', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const { simulator, service } = await simulate(broker, fleet);
    await untilReady(simulator);
    const other = await connectMqtt(fleet.url);
    await other.subscribe(`${fleet.name}/claims/1`);
    await connectMqtt(fleet.url, { clientId: `lamplighter-device-sim-${fleet.name}-1` });
    const renamed = `${fleet.name}/telemetry/lamp-2-0001`;
    await until(() => devicesSeen(service).has(renamed), { what: 'readings under the new names' });
  }, 60_000);
});

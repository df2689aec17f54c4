// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { jest } from '@jest/globals';
import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connectAsync } from 'mqtt';
import {
  envelope,
  LAMP,
  nextMessage,
  sendCommand,
  setUpDevice,
  untilOnline,
} from '../test/device-on-broker.js';
import { parseBrokerUrl } from './connection/broker.js';
import { DeviceClient } from './device-client.js';

describe('DeviceClient with a failing broker', () => {
  afterEach(() => jest.restoreAllMocks());

  it('connects once the broker is available, and subscribes and announces again after a restart', async () => {
    const broker = await startBroker();
    const { fleet, device, executed, events } = await setUpDevice(broker);
    await broker.stop();
    device.start();
    await until(() => events.find((event) => event.event === 'offline' && event.cause === 'unreachable'), {
      what: 'a failed attempt',
    });
    await broker.start();
    await untilOnline(device);
    await broker.kill();
    await until(() => events.find((event) => event.event === 'offline' && event.cause === 'lost'), {
      what: 'the loss',
    });
    expect(await device.publish({ light: 1 })).toBe('offline');
    await broker.start();
    await untilOnline(device);
    const service = await connectMqtt(broker.rulesUrl);
    await sendCommand(service, fleet, { led_on: false }, envelope('c1'));
    await until(() => executed.length, { what: 'the command after the reconnect' });
  });

  it('backs off with every failure, and resets after a lasting connection', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const monotonic = performance.now.bind(performance);
    let elapsedMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + elapsedMs);
    const broker = await startBroker();
    const { device, events } = await setUpDevice(broker, { backoff: { firstMs: 40, maxMs: 10_000 } });
    const waits = () => events.flatMap((event) => (event.event === 'offline' ? [event.retryInMs] : []));
    await broker.stop();
    device.start();
    await until(() => waits().length >= 3, { what: 'three failed attempts' });
    await broker.start();
    await untilOnline(device);
    expect(waits().slice(0, 3)).toEqual([40, 80, 160]);
    const before = waits().length;
    await broker.kill();
    await until(() => waits().length > before, { what: 'the loss' });
    expect(waits()[before]).toBeGreaterThan(160);
    await broker.start();
    await untilOnline(device);
    elapsedMs = 10_000;
    const lasting = waits().length;
    await broker.kill();
    await until(() => waits().length > lasting, { what: 'the loss of the lasting connection' });
    expect(waits()[lasting]).toBe(40);
  });

  it('settles readings as unknown if the broker is silent, and resends unconfirmed acknowledgements', async () => {
    const broker = await startBroker();
    const finish: (() => void)[] = [];
    const { fleet, service, device } = await setUpDevice(broker, {
      keepAliveSeconds: 1,
      execute: () => new Promise<void>((resolve) => finish.push(resolve)),
    });
    device.start();
    await untilOnline(device);
    await sendCommand(service, fleet, { led_on: true }, envelope('c1'));
    expect(await nextMessage(service, fleet, 'acknowledgements')).toEqual({
      id: 'c1',
      status: 'acknowledged',
    });
    broker.pause();
    const outcome = device.publish({ light: 1 });
    await until(() => !device.online, { what: 'the device to detect the outage' });
    expect(await outcome).toBe('unknown');
    for (const done of finish) done();
    broker.resume();
    expect(await nextMessage(service, fleet, 'acknowledgements')).toEqual({ id: 'c1', status: 'succeeded' });
  });

  it('rejects commands that a frozen broker held beyond their expiry, including the first one', async () => {
    const broker = await startBroker();
    const { name, url } = await broker.newFleet();
    const rules = await connectAsync(broker.rulesUrl, { protocolVersion: 5, reconnectPeriod: 0 });
    closeLater('rules', () => rules.endAsync());
    const arrivals: string[] = [];
    // Several devices, because a resumed broker handles their packets and the commands in any order.
    const lamps = Array.from({ length: 10 }, (_, i) => `lamp-${i}`);
    const devices = lamps.map((device) => {
      const lamp = new DeviceClient({
        broker: parseBrokerUrl(url),
        fleet: name,
        device,
        execute: () => undefined,
        onEvent: (event) => event.event === 'command' && arrivals.push(event.arrival),
      });
      closeLater(device, () => lamp.close());
      lamp.start();
      return lamp;
    });
    for (const device of devices) await untilOnline(device);

    broker.pause();
    const expiresAt = Date.now() + 3000;
    for (const lamp of lamps) {
      const payload = JSON.stringify({ open: true, _cmd: envelope(lamp, { expiresAt }) });
      rules.publish(deviceTopic(name, 'commands', lamp), payload, {
        qos: 1,
        properties: { messageExpiryInterval: 3 },
      });
    }
    const measureUntil = (at: number) => () => {
      for (const device of devices) void device.publish({ light: 1 });
      return Date.now() > at;
    };
    const wait = { what: 'the commands to expire', everyMs: 250, timeoutMs: 20_000 };
    await until(measureUntil(expiresAt + 3000), wait);
    broker.resume();
    await until(() => arrivals.length === lamps.length, { what: 'the commands', timeoutMs: 20_000 });
    expect(new Set(arrivals)).toEqual(new Set(['expired']));
  }, 60_000);

  it('evaluates its edge rule while disconnected, then returns control and reports its decisions', async () => {
    const broker = await startBroker();
    const lamp = { on: false };
    const { fleet, service, device, events } = await setUpDevice(broker, {
      execute: ({ led_on: on }) => {
        lamp.on = on === true;
      },
      edgeRules: true,
      fallbackAfterMs: 0,
    });
    device.start();
    await untilOnline(device);
    const rule = { id: 'night-light', when: 'light < 300', then: { led_on: true }, else: { led_on: false } };
    const edgeRule = { version: 1, since: 1, rule: ruleSchema.parse(rule) };
    await sendCommand(service, fleet, { edge_rule: edgeRule }, envelope('c1'));
    await until(() => events.some((event) => event.event === 'answered' && event.status === 'succeeded'), {
      what: 'the rule to be installed',
    });
    await device.publish({ light: 100 });
    expect(lamp.on).toBe(false);
    await broker.kill();
    await until(() => !device.online, { what: 'the loss' });
    for (const light of [100, 120, 500, 90]) {
      await device.publish({ light });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lamp.on).toBe(true);
    await broker.start();
    await untilOnline(device);
    const server = await connectMqtt(broker.rulesUrl);
    await server.subscribe(deviceTopic(fleet.name, 'telemetry', LAMP));
    await device.publish({ light: 600 });
    await device.publish({ light: 601 });
    expect(lamp.on).toBe(true);
    const { _edge, ...first } = await nextMessage(server, fleet, 'telemetry');
    expect(first).toMatchObject({ light: 600, _dropped: 4 });
    const { decisions = [] } = parseEdgeReport(_edge) ?? {};
    expect(decisions.map(({ raise }) => raise)).toEqual([true, false, true]);
    expect(await nextMessage(server, fleet, 'telemetry')).not.toHaveProperty('_edge');
    expect(events.filter(({ event }) => event === 'acted')).toHaveLength(3);
  }, 30_000);
});

// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { jest } from '@jest/globals';
import type { Acknowledgement, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { connectMqtt, type TestClient } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connectAsync } from 'mqtt';
import { AcknowledgeAfterRestart, type Execute } from './commands/execute-command.js';
import { parseBrokerUrl } from './connection/broker.js';
import { DeviceClient, type DeviceOptions } from './device-client.js';
import type { DeviceEvent } from './device-event.js';
import { MemoryStorage } from './storage/storage.js';

const LAMP = 'lamp-0001';
const YEAR = 365 * 24 * 3_600_000;
const envelope = (id: string, more: Partial<CommandEnvelope> = {}): CommandEnvelope => ({
  id,
  lane: 'led_on',
  seq: 1,
  attempt: 1,
  expiresAt: Date.now() + 60_000,
  ...more,
});

/** A device of the test's own fleet, what it was told, and the service's side of the broker. */
async function setUp(broker: TestBroker, options: Partial<DeviceOptions> = {}) {
  const fleet = await broker.newFleet();
  const service = await connectMqtt(broker.rulesUrl);
  for (const kind of ['telemetry', 'acknowledgements', 'presence'] as const) {
    await service.subscribe(deviceTopic(fleet.name, kind, LAMP));
  }
  const executed: unknown[] = [];
  const events: DeviceEvent[] = [];
  const device = new DeviceClient({
    broker: parseBrokerUrl(fleet.url),
    fleet: fleet.name,
    device: LAMP,
    backoff: { firstMs: 50, maxMs: 200 },
    execute: (action) => void executed.push(action),
    onEvent: (event) => events.push(event),
    ...options,
  });
  closeLater('device', () => device.close());
  return { fleet, service, device, executed, events };
}

const untilOnline = (device: DeviceClient) =>
  until(() => device.online, { what: 'the device to come online' });
const command = (service: TestClient, fleet: TestFleet, action: object, cmd?: CommandEnvelope) =>
  service.publish(deviceTopic(fleet.name, 'commands', LAMP), { ...action, ...(cmd && { _cmd: cmd }) });

async function next(
  service: TestClient,
  fleet: TestFleet,
  kind: 'telemetry' | 'acknowledgements' | 'presence',
) {
  const { payload } = await service.next(({ topic }) => topic === deviceTopic(fleet.name, kind, LAMP));
  return JSON.parse(payload.toString()) as Record<string, unknown>;
}

describe('DeviceClient on a real broker', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('publishes a retained birth, and then receives commands', async () => {
    const { fleet, service, device, executed } = await setUp(broker);
    device.start();
    expect(await next(service, fleet, 'presence')).toEqual({
      online: true,
      session: expect.any(Number),
      boot: expect.stringMatching(/^\w{18}$/),
      at: expect.any(Number),
      telemetry: 'latest',
    });
    await command(service, fleet, { led_on: true });
    await until(() => executed.length, { what: 'the command' });
    const late = await connectMqtt(broker.rulesUrl);
    await late.subscribe(deviceTopic(fleet.name, 'presence', LAMP));
    expect((await late.next()).packet.retain).toBe(true);
  });

  it('publishes readings with a growing _seq and the device time', async () => {
    const { fleet, service, device } = await setUp(broker);
    expect(await device.publish({ light: 1 })).toBe('offline');
    device.start();
    await untilOnline(device);
    expect(await Promise.all([device.publish({ light: 412 }), device.publish({ light: 299 })])).toEqual([
      'acknowledged',
      'acknowledged',
    ]);
    const [first, second] = [
      await next(service, fleet, 'telemetry'),
      await next(service, fleet, 'telemetry'),
    ];
    // One was dropped before: the device was not online yet.
    expect(first).toEqual({
      light: 412,
      _seq: expect.any(Number),
      _at: expect.any(Number),
      _n: 2,
      _dropped: 1,
    });
    expect(second._seq).toBeGreaterThan(first._seq as number);
    expect(Number.isSafeInteger(second._seq)).toBe(true);
  });

  it.each([
    [0, 'sent'],
    [2, 'acknowledged'],
  ] as const)('publishes at QoS %i: %s', async (qos, outcome) => {
    const { fleet, service, device } = await setUp(broker, { qos });
    device.start();
    await untilOnline(device);
    expect(await device.publish({ light: 5 })).toBe(outcome);
    expect(await next(service, fleet, 'telemetry')).toMatchObject({ light: 5 });
  });

  it('limits readings in flight and their size, and reports drops', async () => {
    const { device } = await setUp(broker, { window: 2 });
    device.start();
    await untilOnline(device);
    expect(await device.publish({ text: 'x'.repeat(20_000) })).toBe('too_large');
    const outcomes = await Promise.all([1, 2, 3].map((light) => device.publish({ light })));
    expect(outcomes).toEqual(['acknowledged', 'acknowledged', 'window_full']);
  });

  it('acknowledges a command and executes a repeated one once', async () => {
    const { fleet, service, device, executed } = await setUp(broker);
    device.start();
    await untilOnline(device);
    await command(service, fleet, { led_on: true }, envelope('c1'));
    await command(service, fleet, { led_on: true }, envelope('c1', { attempt: 2 }));
    const statuses: Acknowledgement['status'][] = [];
    while (statuses.length < 3) {
      const answer = await next(service, fleet, 'acknowledgements');
      expect(answer.id).toBe('c1');
      statuses.push(answer.status as Acknowledgement['status']);
    }
    expect(statuses).toEqual(['acknowledged', 'succeeded', 'succeeded']);
    expect(executed).toEqual([{ led_on: true }]);
  });

  it('resends an acknowledgement that had no subscriber', async () => {
    const { fleet, service, device, executed, events } = await setUp(broker);
    device.start();
    await untilOnline(device);
    await service.close();
    const server = await connectMqtt(broker.rulesUrl);
    await command(server, fleet, { led_on: true }, envelope('c1'));
    await until(() => events.some(({ event }) => event === 'answered'), { what: 'the answer' });
    await device.publish({ light: 1 }); // the broker has had the answer before that
    await server.subscribe(deviceTopic(fleet.name, 'acknowledgements', LAMP));
    expect(await next(server, fleet, 'acknowledgements')).toEqual({ id: 'c1', status: 'succeeded' });
    expect(executed).toEqual([{ led_on: true }]);
  });

  it('rejects an expired command', async () => {
    const { fleet, service, device, executed } = await setUp(broker);
    device.start();
    await untilOnline(device);
    await command(service, fleet, { led_on: true }, envelope('c1', { expiresAt: Date.now() - 1 }));
    const answer = { id: 'c1', status: 'rejected', reason: 'expired' };
    expect(await next(service, fleet, 'acknowledgements')).toEqual(answer);
    expect(executed).toEqual([]);
  });

  it.each([
    ['a year ahead', YEAR],
    ['a year behind', -YEAR],
    ['a minute ahead', 60_000],
    ['a minute behind', -60_000],
    ['right', 0],
  ])(
    "executes commands in time and refuses expired ones, by the server's clock, if its own is %s",
    async (_how, error) => {
      const { fleet, device, executed, service } = await setUp(broker, { clock: () => Date.now() + error });
      const rules = await connectAsync(broker.rulesUrl, { protocolVersion: 5, reconnectPeriod: 0 });
      closeLater('rules', () => rules.endAsync());
      /** As the service sends it; `left` is what the broker counts down. */
      const send = (cmd: CommandEnvelope, messageExpiryInterval: number) =>
        rules.publishAsync(
          deviceTopic(fleet.name, 'commands', LAMP),
          JSON.stringify({ led_on: true, _cmd: cmd }),
          { qos: 1, properties: { messageExpiryInterval } },
        );
      device.start();
      await untilOnline(device);
      // The broker has answered after this was sent, so a command that comes now cannot have waited for long.
      await device.publish({ light: 1 });
      await send(envelope('fresh', { seq: 1, expiresAt: Date.now() + 30_000 }), 30);
      await until(() => executed.length === 1, { what: 'the fresh command' });
      await send(envelope('late', { seq: 2, expiresAt: Date.now() - 5000 }), 30);
      const answers: unknown[] = [];
      while (answers.length < 3) answers.push(await next(service, fleet, 'acknowledgements'));
      // Its own expiry makes the late command look as if it came from the past; the fresh one before it knows better.
      expect(answers.at(-1)).toEqual({ id: 'late', status: 'rejected', reason: 'expired' });
      expect(executed).toHaveLength(1);
    },
  );

  it('rejects a command that a newer one of its lane has overtaken', async () => {
    const { fleet, service, device, executed } = await setUp(broker);
    device.start();
    await untilOnline(device);
    await command(service, fleet, { led_on: false }, envelope('off', { seq: 8 }));
    await command(service, fleet, { led_on: true }, envelope('on', { seq: 7 }));
    const answers = [];
    while (answers.length < 3) answers.push(await next(service, fleet, 'acknowledgements'));
    expect(answers).toContainEqual({ id: 'on', status: 'rejected', reason: 'overtaken' });
    expect(executed).toEqual([{ led_on: false }]);
  });

  it('acknowledges a restart, and interrupted commands, after the restart', async () => {
    const storage = new MemoryStorage();
    let programEnded = false;
    const execute: Execute = (action) =>
      action.reboot === true
        ? new AcknowledgeAfterRestart(() => {
            programEnded = true;
          })
        : new Promise(() => {});
    const { fleet, service, device } = await setUp(broker, { storage, execute });
    device.start();
    await untilOnline(device);
    await command(service, fleet, { dig: true }, envelope('long', { lane: 'dig' }));
    await command(service, fleet, { reboot: true }, envelope('boot', { lane: 'boot' }));
    await until(() => programEnded, { what: 'the restart' });
    await device.close();
    const back = new DeviceClient({
      broker: parseBrokerUrl(fleet.url),
      fleet: fleet.name,
      device: LAMP,
      storage,
      execute,
    });
    closeLater('device', () => back.close());
    back.start();
    const answers = [];
    while (answers.length < 4) answers.push(await next(service, fleet, 'acknowledgements'));
    expect(answers.slice(2)).toEqual(
      expect.arrayContaining([
        { id: 'boot', status: 'succeeded' },
        { id: 'long', status: 'failed', reason: 'interrupted by a restart' },
      ]),
    );
  });

  it('announces how long it sleeps', async () => {
    const { fleet, service, device } = await setUp(broker, { sleeps: 60_000 });
    device.start();
    expect(await next(service, fleet, 'presence')).toMatchObject({ online: true, sleeps: 60_000 });
  });

  it('publishes a goodbye on close, and its will is published after a loss', async () => {
    const { fleet, service, device } = await setUp(broker);
    device.start();
    const birth = await next(service, fleet, 'presence');
    await untilOnline(device);
    // A second client with its id takes the connection away, as a broker does to one of two.
    const intruder = await connectMqtt(fleet.url, { clientId: `${fleet.name}.${LAMP}` });
    expect(await next(service, fleet, 'presence')).toEqual({ online: false, session: birth.session });
    await intruder.close();
    const rebirth = await next(service, fleet, 'presence');
    expect(rebirth).toMatchObject({ online: true });
    expect(rebirth.session).toBeGreaterThan(birth.session as number);
    await device.close();
    expect(await next(service, fleet, 'presence')).toEqual({ online: false, session: rebirth.session });
    expect(device.online).toBe(false);
  });

  it('distinguishes a refusal from an outage', async () => {
    const { fleet, device, events } = await setUp(broker, {
      broker: { ...parseBrokerUrl(broker.url), username: 'demo', password: 'wrong' },
    });
    device.start();
    const event = await until(() => events[0], { what: 'the refusal' });
    expect(event).toMatchObject({
      event: 'offline',
      cause: 'refused',
      reason: expect.stringMatching(/authori[sz]ed/i),
    });
    expect(fleet.url).not.toContain('wrong');
  });

  it('reports that it may not announce itself', async () => {
    const { events, device } = await setUp(broker, { fleet: 'foreign' });
    device.start();
    const event = await until(() => events[0], { what: 'the refusal' });
    expect(event).toMatchObject({
      event: 'offline',
      cause: 'refused',
      reason: expect.stringMatching(/birth/),
    });
  });
});

describe('DeviceClient with a failing broker', () => {
  afterEach(() => jest.restoreAllMocks());

  it('connects once the broker is available, and subscribes and announces again after a restart', async () => {
    const broker = await startBroker();
    const { fleet, device, executed, events } = await setUp(broker);
    await broker.stop();
    device.start();
    await until(() => events.find((event) => event.event === 'offline' && event.cause === 'unreachable'), {
      what: 'an attempt that failed',
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
    await command(service, fleet, { led_on: false }, envelope('c1'));
    await until(() => executed.length, { what: 'the command after the reconnect' });
  });

  it('backs off with every failure, and resets after a lasting connection', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const monotonic = performance.now.bind(performance);
    let later = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + later);
    const broker = await startBroker();
    const { device, events } = await setUp(broker, { backoff: { firstMs: 40, maxMs: 10_000 } });
    const waits = () => events.flatMap((event) => (event.event === 'offline' ? [event.retryInMs] : []));
    await broker.stop();
    device.start();
    await until(() => waits().length >= 3, { what: 'three attempts that failed' });
    await broker.start();
    await untilOnline(device);
    expect(waits().slice(0, 3)).toEqual([40, 80, 160]);
    const before = waits().length;
    await broker.kill();
    await until(() => waits().length > before, { what: 'the loss' });
    expect(waits()[before]).toBeGreaterThan(160);
    await broker.start();
    await untilOnline(device);
    later = 10_000;
    const lasting = waits().length;
    await broker.kill();
    await until(() => waits().length > lasting, { what: 'the loss of what had lasted' });
    expect(waits()[lasting]).toBe(40);
  });

  it('settles readings as unknown if the broker is silent, and resends unconfirmed acknowledgements', async () => {
    const broker = await startBroker();
    const finish: (() => void)[] = [];
    const { fleet, service, device } = await setUp(broker, {
      keepAliveSeconds: 1,
      execute: () => new Promise<void>((resolve) => finish.push(resolve)),
    });
    device.start();
    await untilOnline(device);
    await command(service, fleet, { led_on: true }, envelope('c1'));
    expect(await next(service, fleet, 'acknowledgements')).toEqual({ id: 'c1', status: 'acknowledged' });
    broker.pause();
    const outcome = device.publish({ light: 1 });
    await until(() => !device.online, { what: 'the device to miss the broker' });
    expect(await outcome).toBe('unknown');
    for (const done of finish) done();
    broker.resume();
    expect(await next(service, fleet, 'acknowledgements')).toEqual({ id: 'c1', status: 'succeeded' });
  });

  it('rejects commands that a frozen broker held beyond their expiry, including the first one', async () => {
    const broker = await startBroker();
    const { name, url } = await broker.newFleet();
    const rules = await connectAsync(broker.rulesUrl, { protocolVersion: 5, reconnectPeriod: 0 });
    closeLater('rules', () => rules.endAsync());
    const arrivals: string[] = [];
    // Several, for the broker goes on in any order: with what they sent meanwhile, or with their commands.
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
    const over = { what: 'the time to be over', everyMs: 250, timeoutMs: 20_000 };
    await until(measureUntil(expiresAt + 3000), over);
    broker.resume();
    await until(() => arrivals.length === lamps.length, { what: 'the commands', timeoutMs: 20_000 });
    expect(new Set(arrivals)).toEqual(new Set(['expired']));
  }, 60_000);

  it('evaluates its edge rule while disconnected, then returns control and reports its decisions', async () => {
    const broker = await startBroker();
    const lamp = { on: false };
    const { fleet, service, device, events } = await setUp(broker, {
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
    await command(service, fleet, { edge_rule: edgeRule }, envelope('c1'));
    await until(() => events.some((event) => event.event === 'answered' && event.status === 'succeeded'), {
      what: 'the rule to be taken',
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
    const { _edge, ...first } = await next(server, fleet, 'telemetry');
    expect(first).toMatchObject({ light: 600, _dropped: 4 });
    const { decisions = [] } = parseEdgeReport(_edge) ?? {};
    expect(decisions.map(({ raise }) => raise)).toEqual([true, false, true]);
    expect(await next(server, fleet, 'telemetry')).not.toHaveProperty('_edge');
    expect(events.filter(({ event }) => event === 'acted')).toHaveLength(3);
  }, 30_000);
});

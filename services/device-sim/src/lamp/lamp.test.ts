// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt, type TestClient } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { simulatorConfig } from '../config.js';
import { Simulator } from '../fleet/simulator.js';
import { GLOW } from '../signals/sensor.js';

const LAMP = 'lamp-0001';
/** A day of 24 hours: the light hardly changes during a test. */
const STILL = { DAY_SECONDS: '86400' };

/** A length of the day, in seconds, for which it is night at the lamp now and for minutes. */
function nightLasting(): string {
  for (let seconds = 86_400; ; seconds -= 1000) {
    const phase = (Date.now() / 1000 / seconds) % 1;
    if (phase < 0.15 || phase > 0.8) return String(seconds);
  }
}

function startSimulator(fleet: TestFleet, env: Record<string, string> = {}) {
  const config = simulatorConfig({ MQTT_URL: fleet.url, DEVICES: '1', INTERVAL_MS: '50', ...STILL, ...env });
  const simulator = new Simulator(config, '0', createLogger('device-sim', 'silent'));
  closeLater('simulator', () => simulator.close());
  simulator.start();
  const ready = () =>
    until(() => simulator.readiness().length === 0, { what: 'the simulator to be ready', timeoutMs: 30_000 });
  const metric = async (name: string): Promise<number> => {
    const found = await simulator.metrics.registry.getSingleMetric(`lamplighter_sim_${name}`)?.get();
    return (found?.values ?? []).reduce((sum, { value }) => sum + value, 0);
  };
  return { simulator, ready, metric };
}

/** A client that acts as the service: sends commands, receives acknowledgements and readings, and sends receipts. */
async function serve(broker: TestBroker, fleet: TestFleet) {
  const client = await connectMqtt(broker.rulesUrl);
  const topic = (kind: string) => `${fleet.name}/${kind}/${LAMP}`;
  for (const kind of ['telemetry', 'acknowledgements', 'presence']) await client.subscribe(topic(kind));
  let seq = 0;
  const command = async (action: object): Promise<string> => {
    seq += 1;
    const id = `c${seq}`;
    const _cmd = { id, lane: 'x', seq, attempt: 1, expiresAt: Date.now() + 60_000 };
    await client.publish(topic('commands'), { ...action, _cmd });
    return id;
  };
  const execute = async (action: object): Promise<Acknowledgement> => {
    const id = await command(action);
    return until(() => acknowledgementsOf(client, id).find(({ status }) => status !== 'acknowledged'), {
      what: `the acknowledgement of ${JSON.stringify(action)}`,
      timeoutMs: 30_000,
    });
  };
  const readings = () =>
    client.received
      .filter((message) => message.topic === topic('telemetry'))
      .flatMap(({ payload }) => readingsIn(payload));
  const sendReceipt = async () => {
    await client.publish(
      topic('receipts'),
      {
        stored: readings()
          .slice(-2000)
          .map(({ _seq }) => _seq),
      },
      { qos: 0 },
    );
  };
  return { client, command, execute, readings, sendReceipt };
}

function readingsIn(payload: Buffer): Reading[] {
  const value = JSON.parse(payload.toString()) as Reading | Reading[];
  return Array.isArray(value) ? value : [value];
}

const acknowledgementsOf = (client: TestClient, id: string) =>
  client.received
    .filter(({ topic }) => topic.includes('/acknowledgements/'))
    .map(({ payload }) => JSON.parse(payload.toString()) as Acknowledgement)
    .filter((acknowledgement) => acknowledgement.id === id);

describe('Lamp', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('reports measurements, fails on request, and simulates work', async () => {
    const fleet = await broker.newFleet();
    const { execute } = await serve(broker, fleet);
    await startSimulator(fleet).ready();
    expect(await execute({ led_on: true, report: ['light', 'led_on'] })).toMatchObject({
      status: 'succeeded',
      result: { light: expect.any(Number), led_on: true },
    });
    expect(await execute({ fail: 'no power' })).toMatchObject({ status: 'failed', reason: 'no power' });
    const before = performance.now();
    expect(await execute({ work_ms: 60 })).toMatchObject({ status: 'succeeded' });
    expect(performance.now() - before).toBeGreaterThan(55);
  });

  it.each([
    [{ color: 'red' }, /a lamp accepts/],
    [{ led_on: 'yes' }, /led_on/],
    [{ report: ['noise'] }, /report/],
    [{ telemetry_interval_ms: 5 }, /telemetry_interval_ms/],
    [{ work_ms: 60_001 }, /work_ms/],
  ])('rejects %j', async (action, reason) => {
    const fleet = await broker.newFleet();
    const { execute } = await serve(broker, fleet);
    await startSimulator(fleet, { INTERVAL_MS: '60000' }).ready();
    expect(await execute(action)).toMatchObject({
      status: 'rejected',
      reason: expect.stringMatching(reason),
    });
  });

  it('restarts on command, acknowledges afterwards, and keeps only its storage', async () => {
    const fleet = await broker.newFleet();
    const { client, execute, command, readings } = await serve(broker, fleet);
    await startSimulator(fleet, { STATE_DIR: temporaryFolder() }).ready();
    await execute({ led_on: true, telemetry_interval_ms: 100 });
    const sessions = () => client.received.filter(({ payload }) => payload.includes('"online":true')).length;
    const interrupted = await command({ work_ms: 60_000 });
    expect(sessions()).toBe(1);
    expect(await execute({ reboot: true, report: ['led_on'] })).toMatchObject({
      status: 'succeeded',
      result: { led_on: true },
    });
    expect(sessions()).toBe(2);
    await until(() => acknowledgementsOf(client, interrupted).find(({ status }) => status === 'failed'), {
      what: 'the failure of the interrupted command',
    });
    expect(await execute({ report: ['led_on'] })).toMatchObject({ result: { led_on: false } });
    const numbers = readings().map(({ _n }) => _n as number);
    expect(new Set(numbers).size).toBe(numbers.length);
  }, 30_000);

  it.each([
    ['emits no light if it is burnt out, but executes and acknowledges commands', 1],
    ['lights its own sensor otherwise', 0],
  ])('%s', async (_title, share) => {
    const fleet = await broker.newFleet();
    const { execute } = await serve(broker, fleet);
    const env = {
      DAY_SECONDS: nightLasting(),
      BURNT: String(share),
      JOURNAL_FILE: join(temporaryFolder(), 'journal'),
    };
    await startSimulator(fleet, env).ready();
    const { status, result } = await execute({ led_on: true, report: ['light', 'led_on'] });
    expect({ status, result }).toEqual({
      status: 'succeeded',
      result: { light: share === 1 ? 0 : GLOW, led_on: true },
    });
    const isInJournal = readFileSync(env.JOURNAL_FILE, 'utf8').includes(
      `"event":"burns_out","device":"${LAMP}"`,
    );
    expect(isInJournal).toBe(share === 1);
  });

  it('applies the telemetry interval, even after a restart', async () => {
    const fleet = await broker.newFleet();
    const { execute, readings } = await serve(broker, fleet);
    await startSimulator(fleet, { INTERVAL_MS: '3600000' }).ready();
    const expectReadings = async () => {
      const before = readings().length;
      await until(() => readings().length > before + 3, { what: 'readings', timeoutMs: 30_000 });
    };
    await execute({ telemetry_interval_ms: 100 });
    await expectReadings();
    await execute({ reboot: true });
    await expectReadings();
  }, 30_000);

  it('balances its ledger: taken = receipts + dropped + in the outbox', async () => {
    const fleet = await broker.newFleet();
    const service = await serve(broker, fleet);
    const { ready, metric } = startSimulator(fleet, { TELEMETRY: 'keep', OUTBOX: '20' });
    await ready();
    const ledger = async () => {
      const [taken, receipts, dropped, outbox] = await Promise.all(
        ['taken_total', 'receipts_total', 'dropped_total', 'outbox_readings'].map(metric),
      );
      return { taken, receipts, dropped, outbox };
    };
    await until(async () => (await metric('dropped_total')) > 10, {
      what: 'a full outbox',
      timeoutMs: 30_000,
    });
    expect(await metric('outbox_readings')).toBe(20);
    await service.sendReceipt();
    await until(async () => (await metric('receipts_total')) > 0, { what: 'receipts' });
    const { taken = 0, receipts = 0, dropped = 0, outbox = 0 } = await ledger();
    expect(receipts + dropped + outbox).toBe(taken);
  }, 60_000);

  it('records all events in its journal, and restores its outbox', async () => {
    const folder = temporaryFolder();
    const env = {
      TELEMETRY: 'keep',
      STATE_DIR: join(folder, 'state'),
      JOURNAL_FILE: join(folder, 'journal'),
    };
    mkdirSync(env.STATE_DIR);
    const fleet = await broker.newFleet();
    const first = startSimulator(fleet, env);
    await first.ready();
    await until(async () => (await first.metric('outbox_readings')) > 5, { what: 'readings' });
    await first.simulator.close();
    const service = await serve(broker, fleet);
    const second = startSimulator(fleet, env);
    await second.ready();
    expect(await second.metric('taken_total')).toBeGreaterThan(5);
    await service.execute({ led_on: true });
    await until(() => service.readings().length > 0, { what: 'the replay' });
    await service.sendReceipt();
    await until(async () => (await second.metric('receipts_total')) > 5, { what: 'the receipts' });
    const journal = readFileSync(env.JOURNAL_FILE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const of = (event: string) => journal.filter((line) => line.event === event);
    expect(of('online')).toEqual(
      Array(2).fill(expect.objectContaining({ device: LAMP, session: expect.any(Number) })),
    );
    expect(of('taken')[0]).toEqual({
      t: expect.any(Number),
      event: 'taken',
      device: LAMP,
      seq: expect.any(Number),
      n: 1,
    });
    const command = {
      t: expect.any(Number),
      device: LAMP,
      id: 'c1',
      lane: 'x',
      seq: 1,
      attempt: 1,
      expiresAt: expect.any(Number),
    };
    expect(of('command')).toEqual([{ ...command, event: 'command', arrival: 'executed' }]);
    expect(of('executed')).toEqual([{ ...command, event: 'executed', action: { led_on: true } }]);
    expect(of('answered')).toEqual([expect.objectContaining({ id: 'c1', status: 'succeeded' })]);
    const receipted = of('receipt').flatMap(({ stored }) => stored as number[]);
    const taken = of('taken').map(({ seq }) => seq);
    expect(taken).toEqual(expect.arrayContaining(receipted));
    const numbers = of('taken').map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((_n, i) => i + 1));
  }, 60_000);
});

describe('Lamp without a link', () => {
  it('evaluates its edge rule, and reports its decisions after the reconnect', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    // With a short day, night falls within seconds.
    const { ready, metric } = startSimulator(fleet, { DAY_SECONDS: '10', FALLBACK_SECONDS: '0' });
    await ready();
    const before = await serve(broker, fleet);
    const rule = { id: 'night-light', when: 'light < 300', then: { led_on: true }, else: { led_on: false } };
    const edge_rule = { version: 1, since: 1, rule: ruleSchema.parse(rule) };
    expect(await before.execute({ edge_rule })).toMatchObject({ status: 'succeeded' });
    await broker.kill();
    await until(async () => (await metric('lamps_on')) === 1, { what: 'the night', timeoutMs: 30_000 });
    await broker.start();
    const { readings } = await serve(broker, fleet);
    const decisions = () => readings().flatMap(({ _edge }) => parseEdgeReport(_edge)?.decisions ?? []);
    await until(() => decisions().some(({ action }) => action?.led_on === true), {
      what: 'the report of the decision',
      timeoutMs: 30_000,
    });
  }, 60_000);
});

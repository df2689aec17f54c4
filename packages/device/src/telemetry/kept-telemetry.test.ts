import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { openLink } from '@lamplighter/test-kit/servers/link';
import { until } from '@lamplighter/test-kit/until';
import { receivingService } from '../../test/receiving-service.js';
import { parseBrokerUrl } from '../connection/broker.js';
import { Connection } from '../connection/connection.js';
import { DeviceClient, type DeviceOptions } from '../device-client.js';
import type { DeviceEvent } from '../device-event.js';
import { MemoryStorage, StorageFailed } from '../storage/storage.js';

const LAMP = 'lamp-0001';
const LATE = { firstMs: 600_000, maxMs: 600_000 };

/** A device with policy `keep`, and its events. */
function keepingDevice(fleet: TestFleet, options: Partial<DeviceOptions> = {}) {
  const events: DeviceEvent[] = [];
  const device = new DeviceClient({
    broker: parseBrokerUrl(fleet.url),
    fleet: fleet.name,
    device: LAMP,
    telemetry: 'keep',
    backoff: { firstMs: 30, maxMs: 100 },
    replay: { window: 4, wait: LATE },
    execute: () => {},
    onEvent: (event) => events.push(event),
    ...options,
  });
  closeLater('device', () => device.close());
  const count = (name: DeviceEvent['event']) => events.filter(({ event }) => event === name).length;
  return { device, events, count };
}

async function setUp(broker: TestBroker, options: Partial<DeviceOptions> = {}) {
  const fleet = await broker.newFleet();
  const service = await receivingService(broker, fleet, LAMP);
  return { fleet, service, ...keepingDevice(fleet, options) };
}

const untilOnline = (device: DeviceClient) =>
  until(() => device.online, { what: 'the device to come online' });
const untilEmpty = (device: DeviceClient) =>
  until(() => device.waiting === 0, { what: 'an empty outbox', timeoutMs: 30_000 });

/** Whether a topic has a subscriber: otherwise the broker returns reason code 16. */
function hasSubscriber(broker: TestBroker, topic: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection: Connection = new Connection(
      { broker: parseBrokerUrl(broker.rulesUrl), clientId: `probe-${topic}`, keepAliveSeconds: 10 },
      {
        onOpen: () =>
          connection.publish(topic, '{"stored":[]}', { qos: 1 }, (error, code) => {
            connection.end(1000);
            if (error) reject(error);
            else resolve(code !== 16);
          }),
        onMessage() {},
        onEnd() {},
      },
    );
  });
}

const ascending = (values: readonly number[]) =>
  values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0));

describe('DeviceClient with policy keep', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('announces the policy in its birth and subscribes to receipts, unlike a device with policy latest', async () => {
    const { fleet, device } = await setUp(broker);
    const other = keepingDevice(fleet, { device: 'lamp-0002', telemetry: 'latest' }).device;
    const service = await connectMqtt(broker.rulesUrl);
    await service.subscribe(`${fleet.name}/presence/+`);
    device.start();
    other.start();
    await untilOnline(device);
    await untilOnline(other);
    const births = [await service.next(), await service.next()].map(
      ({ topic, payload }) => `${topic.split('/')[2]} ${JSON.parse(payload.toString()).telemetry}`,
    );
    expect(births.sort()).toEqual(['lamp-0001 keep', 'lamp-0002 latest']);
    const listeners = await Promise.all(
      [LAMP, 'lamp-0002'].map((name) => hasSubscriber(broker, deviceTopic(fleet.name, 'receipts', name))),
    );
    expect(listeners).toEqual([true, false]);
  });

  it('sends each reading immediately and removes it on its receipt', async () => {
    const { device, service, events } = await setUp(broker);
    device.start();
    await untilOnline(device);
    expect(await device.publish({ light: 1 })).toBe('kept');
    await untilEmpty(device);
    await device.publish({ light: 2 });
    await untilEmpty(device);
    expect(service.messages).toEqual([
      [expect.objectContaining({ light: 1, _n: 1 })],
      [expect.objectContaining({ light: 2, _n: 2 })],
    ]);
    expect(events.map(({ event }) => event).filter((event) => event !== 'settled')).toEqual(
      ['online', ...['taken', 'sent', 'receipt'], ...['taken', 'sent', 'receipt']].flat(),
    );
  });

  it('replays in order, in arrays of at most 500, before new readings', async () => {
    const { device, service } = await setUp(broker, { outbox: { readings: 2000 } });
    for (let light = 1; light <= 1250; light += 1) expect(await device.publish({ light })).toBe('kept');
    device.start();
    await until(() => service.messages.length > 0, { what: 'the replay' });
    await device.publish({ light: 1251 });
    await untilEmpty(device);
    expect(service.messages.map(({ length }) => length).slice(0, 3)).toEqual([500, 500, 250]);
    const lights = service.messages.flat().map(({ light }) => light as number);
    expect(lights).toHaveLength(1251);
    expect(ascending(lights)).toBe(true);
    expect(ascending(service.messages.flat().map(({ _seq }) => _seq as number))).toBe(true);
  });

  it('limits the bytes of a message', async () => {
    const { device, service } = await setUp(broker, { outbox: { bytes: 10_000_000 } });
    for (let i = 0; i < 60; i += 1)
      await device.publish({ text: 'x'.repeat(1000), more: Array(9).fill('y'.repeat(1000)) });
    device.start();
    await untilEmpty(device);
    expect(service.stored.size).toBe(60);
    for (const readings of service.messages) {
      expect(Buffer.byteLength(JSON.stringify(readings))).toBeLessThanOrEqual(262_144);
    }
  });

  it('sends a reading again without a receipt, with growing waits, despite its PUBACK', async () => {
    const sentAt: number[] = [];
    const { device, service } = await setUp(broker, {
      replay: { window: 4, wait: { firstMs: 50, maxMs: 800 } },
      onEvent: ({ event }) => {
        if (event === 'sent') sentAt.push(performance.now());
      },
    });
    service.receipts = 'lost';
    device.start();
    await untilOnline(device);
    await device.publish({ light: 1 });
    await until(() => sentAt.length === 4, { what: 'the fourth transmission', timeoutMs: 30_000 });
    expect(device.waiting).toBe(1);
    // At least 27, 55 and 110 ms: half of the doubling wait.
    const [first = 0, , , fourth = 0] = sentAt;
    expect(fourth - first).toBeGreaterThan(180);
    service.receipts = 'given';
    await untilEmpty(device);
    expect(service.stored.size).toBe(1);
  });

  it('limits messages in flight, however many readings are waiting', async () => {
    const { device, service } = await setUp(broker, {
      replay: { window: 2, wait: LATE },
      outbox: { readings: 5000 },
    });
    service.receipts = 'lost';
    for (let light = 0; light < 1600; light += 1) await device.publish({ light });
    device.start();
    await until(() => service.messages.length === 2, { what: 'the limit of messages in flight' });
    for (let light = 0; light < 100; light += 1) await device.publish({ light });
    service.receipts = 'given';
    await service.sendReceipt({ stored: service.messages[1]?.map(({ _seq }) => _seq) });
    await until(() => service.messages.length >= 3, { what: 'the next message' });
    await until(() => device.waiting === 500, { what: 'all but the message without its receipt' });
    expect(service.messages.map(({ length }) => length).slice(0, 3)).toEqual([500, 500, 500]);
  });

  it('ignores repeated, foreign, premature and invalid receipts', async () => {
    const { device, service, events } = await setUp(broker);
    service.receipts = 'twice';
    device.start();
    await untilOnline(device);
    await service.sendReceipt({ stored: [1, 2, 3] });
    await service.sendReceipt({ stored: 'all' });
    await service.sendReceipt({ stored: [], refused: [Number.MAX_SAFE_INTEGER] });
    for (let light = 0; light < 20; light += 1) await device.publish({ light });
    await untilEmpty(device);
    const released = events.flatMap((event) => (event.event === 'receipt' ? event.stored : []));
    expect(released).toHaveLength(20);
    expect(new Set(released)).toEqual(service.stored);
  });

  it('removes readings that the server rejects permanently', async () => {
    const { device, service, events } = await setUp(broker);
    service.receipts = 'rejecting';
    device.start();
    await untilOnline(device);
    await device.publish({ light: 1 });
    await untilEmpty(device);
    expect(events).toContainEqual({ event: 'receipt', stored: [], refused: [expect.any(Number)] });
  });

  it('drops and counts readings that are invalid', async () => {
    const { device, service } = await setUp(broker);
    expect(await device.publish({ light: Number.NaN, ['x'.repeat(65)]: 1 })).toBe('invalid');
    expect(await device.publish({ text: Array(64).fill('x'.repeat(1000)) })).toBe('too_large');
    device.start();
    await device.publish({ light: 1 });
    await untilEmpty(device);
    expect(service.last()).toMatchObject({ light: 1, _n: 3, _dropped: 2 });
  });

  it('counts readings that the storage rejects, and continues', async () => {
    const storage = new MemoryStorage();
    const { device, service, events } = await setUp(broker, { storage });
    device.start();
    await untilOnline(device);
    const write = storage.write.bind(storage);
    storage.write = () => {
      throw new StorageFailed('the disk is full');
    };
    expect(await device.publish({ light: 1 })).toBe('storage');
    storage.write = write;
    await device.publish({ light: 2 });
    await untilEmpty(device);
    expect(service.last()).toMatchObject({ light: 2, _n: 2, _dropped: 1 });
    expect(events).toContainEqual({ event: 'storage_failed', reason: 'the disk is full' });
  });

  it('continues _seq and _n after a restart, even with a clock that is set backwards', async () => {
    const storage = new MemoryStorage();
    const { fleet, device, service } = await setUp(broker, { storage, outbox: { readings: 3 } });
    for (let light = 0; light < 5; light += 1) await device.publish({ light });
    const clock = () => Date.now() - 3_600_000;
    const next = keepingDevice(fleet, { storage, clock, outbox: { readings: 3 } }).device;
    expect(next.waiting).toBe(3);
    await next.publish({ light: 5 });
    next.start();
    await untilEmpty(next);
    expect(service.messages.flat().map(({ light }) => light)).toEqual([3, 4, 5]);
    expect(ascending(service.messages.flat().map(({ _seq }) => _seq as number))).toBe(true);
    expect(service.last()).toMatchObject({ _n: 6, _dropped: 3 });
  });
});

describe('DeviceClient with policy keep and a failing link', () => {
  it('loses nothing when the broker is killed repeatedly', async () => {
    const broker = await startBroker();
    // Messages before the service reconnects get a PUBACK, but no receipt.
    const { device, service, events } = await setUp(broker, {
      outbox: { readings: 100_000 },
      replay: { window: 4, wait: { firstMs: 100, maxMs: 400 } },
    });
    device.start();
    await untilOnline(device);
    const publishing = setInterval(() => void device.publish({ light: 1 }), 2);
    closeLater('publishing', () => clearInterval(publishing));
    for (let kills = 0; kills < 3; kills += 1) {
      const before = service.messages.length;
      await until(() => service.messages.length > before + 20, {
        what: 'readings to flow',
        timeoutMs: 30_000,
      });
      await broker.kill();
      await until(() => !device.online, { what: 'the loss' });
      await broker.start();
    }
    await untilOnline(device);
    clearInterval(publishing);
    await untilEmpty(device);
    const taken = events.flatMap((event) => (event.event === 'taken' ? [event.seq] : []));
    expect(service.stored).toEqual(new Set(taken));
  }, 60_000);

  it('accounts for every reading when the outbox overflows with messages in flight', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const service = await receivingService(broker, fleet, LAMP);
    const link = await openLink(broker.port);
    const { device, count } = keepingDevice(
      { ...fleet, url: link.through(fleet.url) },
      { outbox: { readings: 50 }, keepAliveSeconds: 1 },
    );
    device.start();
    await untilOnline(device);
    // The service receives messages, but its receipts are lost: the device cannot know which readings it has.
    link.stall('down');
    for (let light = 0; light < 200; light += 1) await device.publish({ light });
    await until(() => service.stored.size > 0, { what: 'the first stored readings' });
    await until(() => !device.online, { what: 'the device to detect the loss', timeoutMs: 30_000 });
    for (let light = 0; light < 100; light += 1) await device.publish({ light });
    expect(device.waiting).toBe(50);
    link.heal();
    await untilEmpty(device);
    const { _n = 0, _dropped = 0 } = service.last();
    expect(_n).toBe(300);
    expect(service.stored.size + _dropped).toBe(_n);
    expect(count('dropped')).toBe(_dropped);
  }, 60_000);

  it('keeps accepted readings through kill -9 with a file storage', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const service = await receivingService(broker, fleet, LAMP);
    const path = join(temporaryFolder(), 'lamp.log');
    const accepted = new Set<number>();
    for (let life = 0; life < 3; life += 1) {
      const { program, lines } = await startProgram(fleet, path, 100_000);
      const enough = 400 * (life + 1);
      await until(() => lines.length > enough, { what: 'accepted readings', timeoutMs: 30_000 });
      program.kill('SIGKILL');
      await once(program, 'close');
      for (const line of lines) accepted.add(Number(line));
    }
    const { lines } = await startProgram(fleet, path, 0);
    await until(() => lines.includes('empty'), { what: 'an empty outbox', timeoutMs: 30_000 });
    expect([...accepted].filter((seq) => !service.stored.has(seq))).toEqual([]);
    const { _n = 0, _dropped = 0 } = service.last();
    expect({ _n, _dropped }).toEqual({ _n: service.stored.size, _dropped: 0 });
  }, 90_000);
});

/** Runs a device in its own process; `lines` is its output. */
async function startProgram(
  fleet: TestFleet,
  path: string,
  readings: number,
): Promise<{ program: ChildProcess; lines: string[] }> {
  const script = fileURLToPath(new URL('../../test/device-program.mjs', import.meta.url));
  const program = spawn(process.execPath, [script, fleet.url, fleet.name, path, String(readings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closeLater('program', async () => {
    if (program.exitCode !== null || program.signalCode !== null) return;
    program.kill('SIGKILL');
    await once(program, 'close');
  });
  const lines: string[] = [];
  createInterface({ input: program.stdout }).on('line', (line) => lines.push(line));
  await once(program, 'spawn');
  return { program, lines };
}

import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

/** A device that has announced that it keeps its readings until a receipt comes. */
async function keeper(name = 'lamp-0001'): Promise<TestDevice> {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet, name);
  await announce(device, { telemetry: 'keep' });
  return device;
}

async function announce(device: TestDevice, birth: object): Promise<void> {
  const before = await stack.metric('lamplighter_presence_messages_total', { result: 'born' });
  const topic = `${device.fleet}/presence/${device.device}`;
  await device.publish(topic, { online: true, session: Date.now(), ...birth }, { retain: true });
  await until(
    async () => (await stack.metric('lamplighter_presence_messages_total', { result: 'born' })) > before,
    { what: 'the birth to be known' },
  );
}

const nextReceipt = async (device: TestDevice): Promise<{ stored: number[]; refused?: number[] }> =>
  JSON.parse(
    (
      await device.next(({ topic }) => topic === `${device.fleet}/receipts/${device.device}`)
    ).payload.toString(),
  );

describe('a device that keeps its readings', () => {
  it('gets a receipt for each reading and each replay, also for what it sends twice', async () => {
    const device = await keeper();
    await device.sendReading({ light: 1, _seq: 1 });
    expect(await nextReceipt(device)).toEqual({ stored: [1] });
    await device.sendReading([
      { light: 1, _seq: 1 },
      { light: 2, _seq: 2 },
      { light: 3, _seq: 3 },
    ]);
    expect((await nextReceipt(device)).stored.sort()).toEqual([1, 2, 3]);
  });

  it('is told which readings will never be taken, and the books say why', async () => {
    const device = await keeper();
    await device.sendReading([
      { light: 1, _seq: 1 },
      { light: 2, _seq: 2, _at: 1000 },
    ]);
    const words: { stored: number[]; refused?: number[] }[] = [];
    while (words.length < 2) words.push(await nextReceipt(device));
    expect(words).toContainEqual({ stored: [1] });
    expect(words).toContainEqual({ stored: [], refused: [2] });
  });

  it('is told so even if none of its readings was ever taken', async () => {
    const device = await keeper();
    await device.sendReading({ light: 1, _seq: 1, _at: 1000 });
    expect(await nextReceipt(device)).toEqual({ stored: [], refused: [1] });
  });

  it('gets no receipt while Redis is frozen, and gets it when Redis goes on', async () => {
    const device = await keeper();
    await device.sendReading({ light: 1, _seq: 1 });
    await nextReceipt(device);
    stack.redis.pause();
    await device.sendReading({ light: 2, _seq: 2 }, { qos: 0 });
    await until(async () => (await stack.metric('lamplighter_ingest_inflight')) > 0, {
      what: 'the reading in hand',
    });
    const early = device.received.filter(({ topic }) => topic.includes('/receipts/')).length;
    stack.redis.resume();
    expect([early, (await nextReceipt(device)).stored]).toEqual([1, [2]]);
  });
});

it('a device that keeps nothing gets no receipts', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet);
  await announce(device, { telemetry: 'latest' });
  await device.sendReading({ light: 1, _seq: 1 });
  await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 1);
  const keeps = await keeper();
  await keeps.sendReading({ light: 1, _seq: 1 });
  await nextReceipt(keeps);
  expect(device.received.filter(({ topic }) => topic.includes('/receipts/'))).toEqual([]);
});

it('a command that waits for a device goes out when the device is heard again, also without a birth', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands?allowUnknown=true`;
  const { body } = await stack.send('POST', path, { action: { led_on: true } });
  expect(body).toMatchObject({ state: 'pending', presence: 'never_seen' });
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ level: 1 });
  expect(await lamp.nextCommand(4000)).toMatchObject({ led_on: true });
});

it('a sleeping device stays online between its reports', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet);
  await announce(device, { sleeps: 3_600_000 });
  const topic = `${fleet.name}/presence/lamp-0001`;
  await device.publish(topic, { online: false, session: Date.now() }, { retain: true });
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  await until(
    async () => (await stack.metric('lamplighter_presence_messages_total', { result: 'gone' })) > 0,
    { what: 'the goodbye to be known' },
  );
  expect((await stack.get(path)).body).toMatchObject({ presence: 'online' });
});

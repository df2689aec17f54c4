import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

/** Connects a device whose birth says that it keeps its readings until it gets a receipt. */
async function connectKeeper(name = 'lamp-0001'): Promise<TestDevice> {
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
    { what: 'the birth to be stored' },
  );
}

const nextReceipt = async (device: TestDevice): Promise<{ stored: number[]; refused?: number[] }> =>
  JSON.parse(
    (
      await device.next(({ topic }) => topic === `${device.fleet}/receipts/${device.device}`)
    ).payload.toString(),
  );

describe('a device that keeps its readings', () => {
  it('gets a receipt for each reading and replay, including repeated ones', async () => {
    const device = await connectKeeper();
    await device.sendReading({ light: 1, _seq: 1 });
    expect(await nextReceipt(device)).toEqual({ stored: [1] });
    await device.sendReading([
      { light: 1, _seq: 1 },
      { light: 2, _seq: 2 },
      { light: 3, _seq: 3 },
    ]);
    expect((await nextReceipt(device)).stored.sort()).toEqual([1, 2, 3]);
  });

  it('gets a receipt that rejects invalid readings of a replay', async () => {
    const device = await connectKeeper();
    await device.sendReading([
      { light: 1, _seq: 1 },
      { light: 2, _seq: 2, _at: 1000 },
    ]);
    const receipts = [await nextReceipt(device), await nextReceipt(device)];
    expect(receipts).toContainEqual({ stored: [1] });
    expect(receipts).toContainEqual({ stored: [], refused: [2] });
  });

  it('gets such a receipt even if none of its readings was ever accepted', async () => {
    const device = await connectKeeper();
    await device.sendReading({ light: 1, _seq: 1, _at: 1000 });
    expect(await nextReceipt(device)).toEqual({ stored: [], refused: [1] });
  });

  it('gets no receipt while Redis is frozen, and gets it when Redis resumes', async () => {
    const device = await connectKeeper();
    await device.sendReading({ light: 1, _seq: 1 });
    await nextReceipt(device);
    stack.redis.pause();
    await device.sendReading({ light: 2, _seq: 2 }, { qos: 0 });
    await until(async () => (await stack.metric('lamplighter_ingest_inflight')) > 0, {
      what: 'the reading to be in flight',
    });
    const early = device.received.filter(({ topic }) => topic.includes('/receipts/')).length;
    stack.redis.resume();
    expect([early, (await nextReceipt(device)).stored]).toEqual([1, [2]]);
  });
});

it('a device that does not keep its readings gets no receipts', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet);
  await announce(device, { telemetry: 'latest' });
  await device.sendReading({ light: 1, _seq: 1 });
  await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 1);
  const keeps = await connectKeeper();
  await keeps.sendReading({ light: 1, _seq: 1 });
  await nextReceipt(keeps);
  expect(device.received.filter(({ topic }) => topic.includes('/receipts/'))).toEqual([]);
});

it('a pending command is dispatched with the next reading of its device, even without a birth', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands?allowUnknown=true`;
  const { body } = await stack.send('POST', path, { action: { led_on: true } });
  expect(body).toMatchObject({ state: 'pending', presence: 'never_seen' });
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ level: 1 });
  expect(await lamp.nextCommand(4000)).toMatchObject({ led_on: true });
});

it('a sleeping device stays online between its readings', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet);
  await announce(device, { sleeps: 3_600_000 });
  const topic = `${fleet.name}/presence/lamp-0001`;
  await device.publish(topic, { online: false, session: Date.now() }, { retain: true });
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  await until(
    async () => (await stack.metric('lamplighter_presence_messages_total', { result: 'gone' })) > 0,
    { what: 'the goodbye to be stored' },
  );
  expect((await stack.get(path)).body).toMatchObject({ presence: 'online' });
});

import { lessonTopic } from '@lamplighter/contracts/topics';
import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

describe('a device that is named like its fleet', () => {
  it('receives commands on its own topic, although the lesson device has the same name', async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, fleet.name);
    await device.publish(lessonTopic(fleet.name, 'telemetry'), { level: 1 });
    await stack.lastState(fleet, fleet.name, ({ level }) => level === 1);
    await nextSecond();
    await device.sendReading({ level: 2 });
    await stack.lastState(fleet, fleet.name, ({ level }) => level === 2);
    await command(fleet.name, { dim: 3 });
    expect(await device.nextCommand()).toEqual({ dim: 3 });
  });

  it('receives commands on its own topic after its birth', async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, fleet.name);
    await device.publish(lessonTopic(fleet.name, 'telemetry'), { level: 1 });
    await stack.lastState(fleet, fleet.name, ({ level }) => level === 1);
    await device.publish(`${fleet.name}/presence/${fleet.name}`, { online: true, session: 1 });
    await until(async () => (await resource(fleet.name)).session?.online === true, {
      what: 'the birth to be stored',
    });
    await command(fleet.name, { dim: 4 });
    expect(await device.nextCommand()).toMatchObject({ dim: 4, _cmd: { attempt: 1 } });
  });

  it('receives commands on the lesson topic after it publishes there again', async () => {
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, fleet.name);
    await device.subscribe(lessonTopic(fleet.name, 'commands'));
    await device.sendReading({ level: 1 });
    await stack.lastState(fleet, fleet.name, ({ level }) => level === 1);
    await nextSecond();
    await device.publish(lessonTopic(fleet.name, 'telemetry'), { level: 2 });
    await stack.lastState(fleet, fleet.name, ({ level }) => level === 2);
    await command(fleet.name, { dim: 5 });
    const { payload } = await device.next(({ topic }) => topic === lessonTopic(fleet.name, 'commands'));
    expect(payload.toString()).toBe('{"dim":5}');
  });
});

/** Waits until fields that are written once per second, such as the topic of a device, are written again. */
async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000);
  await until(() => Math.floor(Date.now() / 1000) > second, { what: 'the next second' });
}

async function command(fleet: string, action: object): Promise<void> {
  const { status } = await stack.send('POST', `/v1/fleets/${fleet}/devices/${fleet}/commands`, { action });
  expect(status).toBe(202);
}

const resource = async (fleet: string) => (await stack.get(`/v1/fleets/${fleet}/devices/${fleet}`)).body;

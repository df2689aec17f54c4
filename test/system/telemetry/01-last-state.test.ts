import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

describe('telemetry', () => {
  it('becomes the last state, which shows its age and the presence of the device', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 412, room: { temperature: 21.5 }, _seq: 7, _at: Date.now() });
    const { body } = await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 412);
    expect(body).toMatchObject({
      fleet: fleet.name,
      device: 'lamp-0001',
      presence: 'online',
      last: { seq: 7, late: false, measurements: { light: 412, room: { temperature: 21.5 } } },
    });
    expect(body.ageMs).toBeGreaterThanOrEqual(0);
    expect((await stack.get('/v1/fleets')).body.fleets).toContainEqual(
      expect.objectContaining({ fleet: fleet.name }),
    );
  });

  it.each([0, 1, 2] as const)('is accepted at QoS %d', async (qos) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 500 + qos }, { qos });
    await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 500 + qos);
  });

  it('that is repeated or late never overwrites newer telemetry, and is stored in order', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    for (const _seq of [10, 30, 20, 30, 40]) await lamp.sendReading({ light: _seq + 400, _seq });
    await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 440);
    const window = await until(
      async () => {
        const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001/telemetry`);
        return body.readings.length === 4 && body.readings;
      },
      { what: 'four stored readings' },
    );
    expect(window.map(({ seq, late }: { seq: number; late: boolean }) => [seq, late])).toEqual([
      [40, false],
      [30, false],
      [20, true],
      [10, false],
    ]);
  });

  it('that is replayed as an array is stored completely, and only its newest reading can switch the lamp', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 900, _seq: 1 });
    expect(await lamp.nextCommand()).toEqual({ led_on: false });
    const now = Date.now();
    await lamp.sendReading(
      [2, 3, 4].map((_seq) => ({ light: _seq === 4 ? 800 : 5, _seq, _at: now - (5 - _seq) * 1000 })),
    );
    await lamp.sendReading({ light: 10, _seq: 5, _at: now });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    expect(lamp.commands()).toHaveLength(2);
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001/telemetry`);
    expect(body.readings.map(({ seq }: { seq: number }) => seq)).toEqual([5, 4, 3, 2, 1]);
  });
});

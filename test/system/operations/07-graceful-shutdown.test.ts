import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { addReplica } from '../replicas.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

describe('a replica that receives SIGTERM', () => {
  it('finishes its readings and leaves the rest to the other replica, so none is lost', async () => {
    const fleet = await stack.broker.newFleet();
    const leaving = await addReplica(stack);
    const lamp = await connectDevice(fleet);
    const readings = 4000;
    const sent: Promise<unknown>[] = [];
    for (let _seq = 1; _seq <= readings; _seq += 1) {
      sent.push(lamp.publish(`${fleet.name}/telemetry/lamp-${_seq % 100}`, { light: 500, _seq }));
      if (_seq === readings / 2) sent.push(leaving.stop());
    }
    await Promise.all(sent);
    const stored = async () => {
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices?limit=500`);
      const windows = await Promise.all(
        body.devices.map(async ({ device }: { device: string }) => {
          const response = await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/telemetry?limit=240`);
          return response.body.readings.length as number;
        }),
      );
      return windows.reduce((sum: number, count: number) => sum + count, 0);
    };
    await until(async () => (await stored()) === readings, {
      what: `all ${readings} readings to be stored`,
      timeoutMs: 20_000,
      everyMs: 300,
    });
    expect(leaving.exit).toEqual(expect.objectContaining({ code: 0 }));
  }, 60_000);

  it('exits with code 0 even while Redis does not respond', async () => {
    const own = await startStack();
    const fleet = await own.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 500 });
    await own.lastState(fleet, 'lamp-0001', ({ light }) => light === 500);
    own.redis.pause();
    for (let light = 501; light < 520; light += 1) await lamp.sendReading({ light });
    await until(async () => (await own.metric('lamplighter_ingest_inflight')) > 0, {
      what: 'readings to be in flight',
    });
    await own.rules.stop();
    expect(own.rules.exit).toMatchObject({ code: 0 });
    own.redis.resume();
  }, 60_000);
});

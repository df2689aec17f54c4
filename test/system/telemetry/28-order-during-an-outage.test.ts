import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { startStack } from '../stack.js';

it('readings without a sequence number keep their order during an outage of Redis, and every outage is logged', async () => {
  const stack = await startStack();
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ light: 999 });
  await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 999);
  const lines = (text: string) => stack.rules.output().split(text).length - 1;
  for (const outage of [1, 2]) {
    await stack.redis.kill();
    await until(() => lines('cannot reach Redis; retrying') >= outage, { what: 'the outage to be logged' });
    // One at a time, so that the first two are batches of their own; while two are under way the service does not read.
    for (let light = 0; light < 3; light += 1) {
      await lamp.sendReading({ light: outage * 10 + light });
      await until(async () => (await stack.metric('lamplighter_ingest_inflight')) >= Math.min(light + 1, 2), {
        what: 'the reading to be in flight',
      });
    }
    await stack.redis.start();
    const window = async () => {
      const response = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001/telemetry?limit=240`);
      return response.body.readings.map((one: { measurements: { light: number } }) => one.measurements.light);
    };
    await until(async () => (await window()).length === 1 + outage * 3, {
      what: 'all readings to be stored',
      timeoutMs: 20_000,
    });
    const lights = (await window()).filter((light: number) => Math.floor(light / 10) === outage);
    expect(lights).toEqual([outage * 10 + 2, outage * 10 + 1, outage * 10]);
    await until(() => lines('Redis is rejecting readings') >= outage, {
      what: 'the rejected readings to be logged',
    });
    await until(() => lines('Redis accepts readings again') >= outage, {
      what: 'the end of the outage to be logged',
    });
  }
}, 60_000);

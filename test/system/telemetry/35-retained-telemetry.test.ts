import { connectDevice } from '@lamplighter/test-kit/device';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { startStack } from '../stack.js';

describe.each(['shared', 'durable'])('with INGEST_MODE=%s', (mode) => {
  it('retained telemetry is ignored when rules or the broker restarts', async () => {
    const stack = await startStack({ rulesEnv: { INGEST_MODE: mode } });
    const { broker, redis } = stack;
    const env = { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.rulesUrl, INGEST_MODE: mode };
    const fleet = await broker.newFleet();
    const get = (path: string) => stack.get(`/v1/fleets/${fleet.name}${path}`);
    const light = async (device: string) =>
      (await get(`/devices/${device}`)).body.last?.measurements.light as number | undefined;
    const waitForLight = (device: string, value: number) =>
      until(async () => (await light(device)) === value, { what: `${device} to have light ${value}` });

    let lamp = await connectDevice(fleet);
    const topic = `${fleet.name}/telemetry/lamp-0001`;
    // When it is published, a retained message counts like any other.
    await lamp.publish(topic, { light: 100 }, { retain: true });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    await lamp.sendReading({ light: 900 });
    expect(await lamp.nextCommand()).toEqual({ led_on: false });
    await stack.rules.stop();
    // No replica receives this message before its restart.
    await lamp.publish(`${fleet.name}/telemetry/dead-0001`, { light: 7 }, { retain: true, qos: 0 });

    const expectNothingNew = async (fence: string) => {
      const other = await connectDevice(fleet, fence);
      await other.sendReading({ light: 500 });
      await waitForLight(fence, 500);
      expect(await light('lamp-0001')).toBe(900);
      expect((await get('/devices/dead-0001')).status).toBe(404);
    };
    const rules = await startService('rules', env);
    await expectNothingNew('fence-0001');
    expect(lamp.commands()).toEqual([{ led_on: true }, { led_on: false }]);

    await broker.stop();
    await broker.start();
    await until(async () => (await fetch(`${rules.url}/health/ready`)).ok, {
      what: 'rules to be ready again',
      timeoutMs: 20_000,
    });
    lamp = await connectDevice(fleet);
    await expectNothingNew('fence-0002');
    expect(lamp.commands()).toEqual([]);
    // New readings of the device still count.
    await lamp.sendReading({ light: 12 });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
  }, 90_000);
});

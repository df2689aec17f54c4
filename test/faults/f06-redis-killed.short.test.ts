import { Random } from '@lamplighter/prove/run/random';
import { shardOf, windowKey } from '@lamplighter/store/keys';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { expectNothingLost, startFaultCase } from './fault-case.js';

it('F6: kill -9 of Redis under load: the API responds 503 with Retry-After, and no reading or accepted command is lost', async () => {
  const faultCase = await startFaultCase();
  const { redis, recorder, client, roster } = Object.assign(faultCase, { roster: faultCase.recorder.fleets });
  const stopSending = recorder.sendCommandsAtRate(10, new Random(6));
  await until(() => recorder.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
  await redis.kill();
  const path = `/v1/fleets/${roster[0]?.name}/devices/lamp-0001/commands?allowUnknown=true`;
  const rejected = await client.request('POST', path, { body: { action: { led_on: true } } });
  expect([rejected.status, Number(rejected.headers.get('retry-after')) > 0]).toEqual([503, true]);
  await until(() => recorder.counts().inOutboxes > 50, { what: 'waiting readings', timeoutMs: 30_000 });
  await redis.start();
  stopSending();
  await expectNothingLost(faultCase);
}, 180_000);

it('F6: a pending command is sent to a device presumed offline even if the reply of Redis that says so is lost', async () => {
  const { broker, redis, replicas, client } = await startFaultCase({ fleets: [] });
  const { toRedis } = replicas[0]!;
  const fleet = await broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const sensor = await connectMqtt(fleet.url);
  const measure = (level: number) => sensor.publish(`${fleet.name}/telemetry/lamp-0001`, { level });
  await measure(1);
  await until(async () => (await client.get(path)).body.last?.measurements.level === 1, {
    what: 'a reading',
  });
  for (const online of [true, false])
    await sensor.publish(`${fleet.name}/presence/lamp-0001`, { online, session: 1 });
  await until(async () => (await client.get(path)).body.presence === 'offline', { what: 'its goodbye' });
  const goneAt = Date.now();

  const { status } = await client.request('POST', `${path}/commands`, { body: { action: { led_on: true } } });
  expect(status).toBe(202);
  const store = await connected(redis.url);
  const shard = shardOf(fleet.name, 'lamp-0001');
  const lamp = await connectDevice(fleet);
  // Within 1 s after its goodbye a reading does not bring the device back.
  await until(() => Date.now() - goneAt > 1000, { what: 'one second after the goodbye' });

  toRedis.stall('down');
  await measure(2);
  await until(async () => (await store.llen(windowKey(shard, fleet.name, 'lamp-0001'))) === 2, {
    what: 'the reading in Redis',
    timeoutMs: 30_000,
  });
  toRedis.cut();
  toRedis.heal();
  expect(await lamp.nextCommand(30_000)).toMatchObject({ led_on: true });
}, 120_000);

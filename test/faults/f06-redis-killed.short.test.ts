import { Random } from '@lamplighter/prove/run/random';
import { until } from '@lamplighter/test-kit/until';
import { expectNothingLost, setScene } from './scene.js';

it('F6: kill -9 of Redis under load: 503 with Retry-After meanwhile, and every reading and every accepted command is there afterwards', async () => {
  const scene = await setScene();
  const { redis, books, client, roster } = Object.assign(scene, { roster: scene.books.roster });
  const stopAsking = books.keepAsking(10, new Random(6));
  await until(() => books.counts().executed > 10, { what: 'load', timeoutMs: 30_000 });
  await redis.kill();
  const path = `/v1/fleets/${roster[0]?.name}/devices/lamp-0001/commands`;
  const refused = await client.ask('POST', path, { body: { action: { led_on: true } } });
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
  await until(() => books.counts().inOutboxes > 50, { what: 'readings that wait', timeoutMs: 30_000 });
  await redis.start();
  stopAsking();
  await expectNothingLost(scene);
}, 180_000);

import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { expectNothingLost, setScene } from './scene.js';

it('F9: a Redis at its memory limit gets no 2xx and no receipt, serves reads, and all goes on when there is room again', async () => {
  const scene = await setScene();
  const { books, client, redis, fleets, say } = scene;
  const store = await connected(redis.url);
  await until(() => books.counts().taken > 50, { what: 'some readings', timeoutMs: 30_000 });

  await store.config('SET', 'maxmemory', '1mb');
  say('Redis has no memory left');
  const [{ fleet } = { fleet: { name: '' } }] = fleets;
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const refused = await client.ask('POST', `${path}/commands?allowUnknown=true`, {
    body: { action: { led_on: true } },
  });
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
  expect((await client.get(path)).status).toBe(200);
  await until(() => books.counts().inOutboxes > 100, {
    what: 'readings that wait in the outboxes',
    timeoutMs: 30_000,
  });

  await store.config('SET', 'maxmemory', '0');
  await expectNothingLost(scene);
}, 180_000);

import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { expectNothingLost, startFaultCase } from './fault-case.js';

it('F9: with Redis at its memory limit there are no 2xx responses to writes and no receipts, but reads work; all resumes when memory is free', async () => {
  const faultCase = await startFaultCase();
  const { recorder, client, redis, fleets, log } = faultCase;
  const store = await connected(redis.url);
  await until(() => recorder.counts().taken > 50, { what: 'some readings', timeoutMs: 30_000 });

  await store.config('SET', 'maxmemory', '1mb');
  log('Redis is out of memory');
  const [{ fleet } = { fleet: { name: '' } }] = fleets;
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const rejected = await client.request('POST', `${path}/commands?allowUnknown=true`, {
    body: { action: { led_on: true } },
  });
  expect([rejected.status, Number(rejected.headers.get('retry-after')) > 0]).toEqual([503, true]);
  expect((await client.get(path)).status).toBe(200);
  await until(() => recorder.counts().inOutboxes > 100, {
    what: 'readings in the outboxes',
    timeoutMs: 30_000,
  });

  await store.config('SET', 'maxmemory', '0');
  await expectNothingLost(faultCase);
}, 180_000);

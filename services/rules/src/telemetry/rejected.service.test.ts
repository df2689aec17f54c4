import { connectRedis } from '@lamplighter/store/connect';
import { readRejected } from '@lamplighter/store/rejected';
import { startRedis } from '@lamplighter/test-kit/redis';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { RulesMetrics } from '../metrics.js';
import { RejectedService } from './rejected.service.js';

it('keeps the first few samples of a second, and of each no more than shows what it is', async () => {
  const redis = connectRedis((await startRedis()).url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
  const rejected = new RejectedService(redis, new RulesMetrics('rules', 'test'));
  closeLater('samples', () => rejected.onApplicationShutdown());
  const payload = Buffer.from('é'.repeat(5000));
  for (let i = 0; i < 50; i += 1) rejected.sample(`${i}/${'t'.repeat(500)}`, payload, 'schema');
  const kept = await until(
    async () => {
      const samples = await readRejected(redis, 100);
      return samples.length > 0 && samples;
    },
    { what: 'the samples to be written' },
  );
  expect(kept.map(({ topic }) => Number(topic.split('/')[0]))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(kept[0]).toMatchObject({ topic: expect.stringMatching(/^.{128}$/), payload: 'é'.repeat(200) });
});

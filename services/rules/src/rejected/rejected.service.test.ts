import { jest } from '@jest/globals';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { connectRedis } from '@lamplighter/store/redis/connect';
import { readRejected } from '@lamplighter/store/rejected/rejected';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RejectedService } from './rejected.service.js';

it('stores the first samples of a second, truncated', async () => {
  const redis = connectRedis((await startRedis()).url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
  const metrics = new RulesMetrics('rules', 'test');
  const rejected = new RejectedService(
    redis,
    metrics,
    new RulesErrors(createLogger('rules', 'silent'), metrics),
  );
  closeLater('samples', () => rejected.onApplicationShutdown());
  const payload = Buffer.from('é'.repeat(5000));
  const explain = jest.fn(() => ({ reason: 'schema', field: '/light', problem: 'p'.repeat(500) }) as const);
  for (let i = 0; i < 50; i += 1)
    rejected.reject('telemetry', 'schema', { topic: `${i}/${'t'.repeat(500)}`, payload }, explain);
  const kept = await until(
    async () => {
      const samples = await readRejected(redis, 100);
      return samples.length > 0 && samples;
    },
    { what: 'the samples to be written' },
  );
  expect(kept.map(({ topic }) => Number(topic?.split('/')[0]))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(kept[0]).toMatchObject({
    at: expect.any(Number),
    kind: 'telemetry',
    reason: 'schema',
    field: '/light',
    problem: 'p'.repeat(300),
    topic: expect.stringMatching(/^.{128}$/),
    payload: 'é'.repeat(200),
  });
  expect(explain).toHaveBeenCalledTimes(10); // not for messages that are only counted
});

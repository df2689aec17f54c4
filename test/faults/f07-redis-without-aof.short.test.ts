import { startBroker } from '@lamplighter/test-kit/broker';
import { startRedis } from '@lamplighter/test-kit/redis';
import { restartableService } from '@lamplighter/test-kit/restartable-service';
import { until } from '@lamplighter/test-kit/until';

it('F7: on a Redis that keeps no append-only file no service is ready, and the metric and the reasons say why', async () => {
  const [broker, redis] = await Promise.all([startBroker(), startRedis({ settings: ['appendonly no'] })]);
  const services = await Promise.all([
    restartableService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.url }),
    restartableService('api', { REDIS_URL: redis.url }),
  ]);
  for (const { url } of services) {
    const reasons = await until(
      async () => {
        const answer = await fetch(`${url}/health/ready`);
        const { reasons } = (await answer.json()) as { reasons: string[] };
        return answer.status === 503 && reasons.some((reason) => /append-only/.test(reason)) && reasons;
      },
      { what: 'the reason', timeoutMs: 20_000 },
    );
    expect(reasons.join()).toContain('set "appendonly yes"');
  }
  const metrics = await (await fetch(`${services[1].url}/metrics`)).text();
  expect(metrics).toMatch(/^lamplighter_store_durability_ok(\{.*\})? 0$/m);
}, 60_000);

import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { restartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';

it.each([
  ['has no append-only file', 'appendonly no', 'set "appendonly yes"'],
  ['confirms writes before they are on disk', 'appendfsync everysec', 'set "appendfsync always"'],
])(
  'F7: with a Redis that %s, no service is ready; metric and reasons show why',
  async (_what, setting, advice) => {
    const [broker, redis] = await Promise.all([startBroker(), startRedis({ settings: [setting] })]);
    const services = await Promise.all([
      restartableService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.rulesUrl }),
      restartableService('api', { REDIS_URL: redis.apiUrl }),
    ]);
    for (const { url } of services) {
      await until(
        async () => {
          const response = await fetch(`${url}/health/ready`);
          const { reasons } = (await response.json()) as { reasons: string[] };
          return response.status === 503 && reasons.some((reason) => reason.includes(advice));
        },
        { what: 'the reason', timeoutMs: 20_000 },
      );
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/^lamplighter_store_durability_ok(\{.*\})? 0$/m);
    }
  },
  60_000,
);

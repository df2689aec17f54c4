import { READY_MS } from '@lamplighter/native/servers/service';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';

/** The API with its own Redis, without a broker or a rules service: it serves requests, although it is not ready. */
export interface StandaloneApi {
  readonly api: TestService;
  readonly redis: TestRedis;
  /** A key that allows everything. */
  readonly key: string;
  /** A separate connection to its Redis. */
  readonly store: Redis;
  get(path: string): request.Test;
  post(path: string, body?: string | object): request.Test;
  delete(path: string): request.Test;
  /** The sum of a metric over all samples that contain `label`. */
  metric(name: string, label?: string): Promise<number>;
}

export async function startStandaloneApi({
  settings = [],
  env = {},
}: {
  settings?: string[];
  env?: Record<string, string>;
} = {}): Promise<StandaloneApi> {
  const redis = await startRedis({ settings });
  const api = await startService('api', { REDIS_URL: redis.apiUrl, ...env }, { wait: 'started' });
  const store = await connected(redis.url);
  const { key } = await createApiKey(store);
  const isServing = async () =>
    (await fetch(`${api.url}/v1/fleets`, { headers: { authorization: `Bearer ${key}` } })).ok;
  await until(isServing, { what: 'the API to serve', timeoutMs: READY_MS });
  const withKey = (test: request.Test) => test.set('Authorization', `Bearer ${key}`);
  return {
    api,
    redis,
    key,
    store,
    get: (path) => withKey(request(api.url).get(path)),
    post: (path, body) => withKey(request(api.url).post(path).type('json').send(body)),
    delete: (path) => withKey(request(api.url).delete(path)),
    metric: async (name, label = '') => {
      const { text } = await request(api.url).get('/metrics');
      return text
        .split('\n')
        .filter((line) => line.startsWith(`lamplighter_${name}`) && line.includes(label))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
  };
}

import { READY_MS } from '@lamplighter/native/servers/service';
import type { Redis } from '@lamplighter/store/redis/connect';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';

/** The API's process on a Redis of its own, without broker and rules: it serves, though it is not ready. */
export interface StandaloneApi {
  readonly api: TestService;
  readonly redis: TestRedis;
  /** The key that it printed. */
  readonly key: string;
  /** The test's own connection. */
  readonly store: Redis;
  get(path: string): request.Test;
  post(path: string, body?: string | object): request.Test;
  delete(path: string): request.Test;
  /** The value of a metric; the sum over the samples that carry the label. */
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
  const api = await startService('api', { REDIS_URL: redis.url, ...env }, { wait: 'started' });
  const key = await firstKey(api);
  const store = await connected(redis.url);
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

/** The key that the API prints when it meets a Redis that has none. */
export function firstKey(api: TestService): Promise<string> {
  return until(() => /^API key \(shown once\): (\S+)$/m.exec(api.output())?.[1], {
    what: 'the first API key on stdout',
    timeoutMs: READY_MS,
  });
}

import type { BrokerLimits } from '@lamplighter/native/broker-limits';
import { createApiKey } from '@lamplighter/store/api-keys';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/broker';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/redis';
import { startService, type TestService } from '@lamplighter/test-kit/service';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../packages/store/test/store-under-test.js';

/** What the API answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a story reads whatever the API answers
  readonly body: any;
}

/** The whole loop on real parts: Mosquitto, Redis, the rules service and the API. */
export interface Stack {
  readonly broker: TestBroker;
  readonly redis: TestRedis;
  readonly rules: TestService;
  readonly api: TestService;
  /** A key of the API. */
  readonly key: string;
  get(path: string): Promise<ApiAnswer>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
  /** The last state of a device, once it holds what is asked for. */
  lastState(
    fleet: TestFleet,
    device: string,
    holds: (measurements: Record<string, unknown>) => boolean,
  ): Promise<ApiAnswer>;
  /**
   * Settles when a device is shown as online. The PUBACK of its birth comes from the broker: until the rules service has recorded the
   * birth, the API answers a command with 404.
   */
  online(fleet: string, device: string): Promise<void>;
  /** Sum of a metric of the rules service over the samples whose labels contain all of these. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
}

/** Starts the stack for this test (or this file). */
export async function startStack({
  lesson = false,
  limits,
  rulesEnv = {},
  apiEnv = {},
}: {
  lesson?: boolean;
  limits?: BrokerLimits;
  rulesEnv?: Record<string, string>;
  apiEnv?: Record<string, string>;
} = {}): Promise<Stack> {
  const [broker, redis] = await Promise.all([
    startBroker({ lesson, ...(limits && { limits }) }),
    startRedis(),
  ]);
  const [rules, api, key] = await Promise.all([
    startService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.url, ...rulesEnv }),
    startService('api', { REDIS_URL: redis.url, ...apiEnv }),
    apiKey(redis.url),
  ]);
  const send: Stack['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  };
  const get = (path: string) => send('GET', path);
  return {
    broker,
    redis,
    rules,
    api,
    key,
    get,
    send,
    lastState: (fleet, device, holds) =>
      until(
        async () => {
          const answer = await get(`/v1/fleets/${fleet.name}/devices/${device}`);
          return answer.status === 200 && holds(answer.body.last?.measurements ?? {}) && answer;
        },
        { what: `the last state of ${fleet.name}/${device}` },
      ),
    online: async (fleet, device) => {
      const presence = async () =>
        (await get(`/v1/fleets/${fleet}/devices/${device}`)).body.presence as string | undefined;
      await until(async () => (await presence()) === 'online', { what: `${fleet}/${device} to be online` });
    },
    metric: async (name, labels = {}) =>
      sumOf(await (await fetch(`${rules.url}/metrics`)).text(), name, labels),
  };
}

async function apiKey(redisUrl: string): Promise<string> {
  return createApiKey(await connected(redisUrl));
}

function sumOf(text: string, name: string, labels: Record<string, string>): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

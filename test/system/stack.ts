import type { BrokerLimits } from '@lamplighter/native/servers/broker-limits';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import type { SharedStackAddresses } from '@lamplighter/test-kit/shared-stack';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';

/** Set by shared-stack.setup.mjs before the first test file. */
const SHARED_STACK_URL = 'LAMPLIGHTER_SHARED_STACK';

/** A response of the API. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any field of the response
  readonly body: any;
}

/**
 * The stack that test files share: Mosquitto, Redis, the rules service and the API. Tests do not affect each other as long as each uses
 * its own fleets. Tests that read metrics or lists across fleets, or stop a server, use `startStack`.
 */
export interface SharedStack {
  readonly broker: { readonly rulesUrl: string; newFleet(): Promise<TestFleet> };
  readonly redis: { readonly url: string; readonly apiUrl: string };
  readonly api: { readonly url: string };
  /** A key of the API. */
  readonly key: string;
  get(path: string): Promise<ApiResponse>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiResponse>;
  /** The device resource; settles when the measurements of its last state meet the condition. */
  lastState(
    fleet: TestFleet,
    device: string,
    holds: (measurements: Record<string, unknown>) => boolean,
  ): Promise<ApiResponse>;
  /**
   * Settles when a device is online. The PUBACK of its birth or reading comes from the broker: until the rules service has stored it, the
   * API rejects a command for the device with 404.
   */
  online(fleet: string, device: string): Promise<void>;
}

/** A stack of a single test or file, whose servers it may stop. */
export interface Stack extends SharedStack {
  readonly broker: TestBroker;
  readonly redis: TestRedis;
  readonly rules: TestService;
  readonly api: TestService;
  /** The sum of a metric of the rules service over all samples with these labels. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
}

/** The shared stack; the first call starts it. */
export async function sharedStack(): Promise<SharedStack> {
  const keeper = process.env[SHARED_STACK_URL];
  if (keeper === undefined)
    throw new Error(`${SHARED_STACK_URL} is not set: run the test with npm run test:system`);
  const request = async (path: string) => {
    const response = await fetch(keeper + path, { method: 'POST', headers: { connection: 'close' } });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const { rulesUrl, redisUrl, redisApiUrl, apiUrl } = (await request('/stack')) as SharedStackAddresses;
  const key = await apiKey(redisUrl);
  return {
    broker: { rulesUrl, newFleet: async () => (await request('/fleets')) as TestFleet },
    redis: { url: redisUrl, apiUrl: redisApiUrl },
    api: { url: apiUrl },
    key,
    ...requests(apiUrl, key),
  };
}

/** Starts a stack for this test or file. */
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
    startService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.rulesUrl, ...rulesEnv }),
    startService('api', {
      REDIS_URL: redis.apiUrl,
      DEVICE_ACCOUNTS_FILE: broker.deviceAccountsFile,
      ...apiEnv,
    }),
    apiKey(redis.url),
  ]);
  return {
    broker,
    redis,
    rules,
    api,
    key,
    ...requests(api.url, key),
    metric: async (name, labels = {}) =>
      sumOf(await (await fetch(`${rules.url}/metrics`)).text(), name, labels),
  };
}

/** Requests to the API. Connections are closed after each response, because the shared API outlives the test. */
function requests(url: string, key: string): Pick<SharedStack, 'get' | 'send' | 'lastState' | 'online'> {
  const send: SharedStack['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        connection: 'close',
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
    get,
    send,
    lastState: (fleet, device, holds) =>
      until(
        async () => {
          const response = await get(`/v1/fleets/${fleet.name}/devices/${device}`);
          return response.status === 200 && holds(response.body.last?.measurements ?? {}) && response;
        },
        { what: `the last state of ${fleet.name}/${device}` },
      ),
    online: async (fleet, device) => {
      const presence = async () =>
        (await get(`/v1/fleets/${fleet}/devices/${device}`)).body.presence as string | undefined;
      await until(async () => (await presence()) === 'online', { what: `${fleet}/${device} to be online` });
    },
  };
}

async function apiKey(redisUrl: string): Promise<string> {
  return (await createApiKey(await connected(redisUrl))).key;
}

function sumOf(text: string, name: string, labels: Record<string, string>): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

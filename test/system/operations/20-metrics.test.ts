import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import type { TestBroker } from '@lamplighter/test-kit/servers/broker';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { type ExposedMetric, parseExposition } from '../exposition.js';
import {
  declarations,
  declaredMetrics,
  documentedMetrics,
  metricsIn,
  metricsNotShown,
  SERVICES,
  type Service,
} from '../metrics-catalogue.js';
import { type Stack, startStack } from '../stack.js';

const declared = declaredMetrics();
let running: Record<Service, TestService>;
let broker: TestBroker;
let stack: Stack;
/** The time of the last telemetry, read when rules had only received its own canary. */
let lastMessageBeforeDevices: number;

beforeAll(async () => {
  stack = await startStack();
  const { rules, api } = stack;
  broker = stack.broker;
  await until(async () => (await stack.metric('lamplighter_telemetry_batch_readings_count')) > 0, {
    what: 'a canary to arrive',
  });
  lastMessageBeforeDevices = await stack.metric('lamplighter_telemetry_last_message_timestamp_seconds');
  const sim = await startService('device-sim', { MQTT_URL: broker.fleetUrl('demo'), DEVICES: '3' });
  running = { rules, api, 'device-sim': sim };
}, 60_000);

const scrape = async (service: Service) => (await fetch(`${running[service].url}/metrics`)).text();
const scraped = async (service: Service) => {
  const all = parseExposition(await scrape(service));
  return new Map([...all].filter(([name]) => name.startsWith('lamplighter_')));
};

describe.each(SERVICES)('%s', (service) => {
  it('exposes exactly the metrics that it declares', async () => {
    const exposed = [...(await scraped(service))].map(([name, { type }]) => `${name} ${type}`);
    const own = [...declarations[service]].map(([name, { type }]) => `${name} ${type}`);
    expect(exposed.sort()).toEqual(own.sort());
  });

  it('exposes every declared combination of label values from the start, and no others', async () => {
    for (const [name, metric] of await scraped(service)) {
      const { type, labels } = declarations[service].get(name)!;
      if (Object.values(labels).some((values) => values.length === 0)) continue;
      const found = combinationsOf(metric);
      const all = allCombinations(labels);
      expect({ name, undeclared: found.filter((one) => !all.includes(one)) }).toEqual({
        name,
        undeclared: [],
      });
      if (type !== 'gauge') expect({ name, found: found.sort() }).toEqual({ name, found: all.sort() });
    }
  });

  it('passes the metric checks of promtool', async () => {
    const blocks = (await scrape(service)).split('\n\n').filter((block) => block.includes('lamplighter_'));
    const output = execFileSync('promtool', ['check', 'metrics'], {
      input: `${blocks.join('\n').trim()}\n`,
      encoding: 'utf8',
    });
    expect(output).toBe('');
  });

  it('exposes metrics of Node.js, the process and the event loop', async () => {
    const names = [...parseExposition(await scrape(service)).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        'process_cpu_seconds_total',
        'process_resident_memory_bytes',
        'process_open_fds',
        'process_start_time_seconds',
        'nodejs_eventloop_lag_p99_seconds',
        'nodejs_gc_duration_seconds',
        'nodejs_heap_size_used_bytes',
      ]),
    );
  });
});

describe('the catalogue', () => {
  it('has no label for a single device, topic, client, command or rule', () => {
    const labels = new Set([...declared.values()].flatMap((metric) => Object.keys(metric.labels)));
    const allowed =
      'result outcome reason stage transition source state kind op cause judgement method route status_class where'.split(
        ' ',
      );
    const info = ['version', 'node', 'service'];
    expect([...labels].filter((label) => ![...allowed, ...info].includes(label))).toEqual([]);
  });

  it('is documented with names, types, services, labels and label values', () => {
    const sorted = (metrics: typeof declared) =>
      [...metrics]
        .map(([name, { type, from, labels }]) => {
          const all = Object.entries(labels).map(
            ([label, values]) => `${label}: ${[...values].sort().join(', ')}`,
          );
          return `${name} | ${type} | ${from.join(', ')} | ${all.sort().join(' · ')}`;
        })
        .sort();
    expect(sorted(documentedMetrics())).toEqual(sorted(declared));
  });
});

it('exposes metrics of the broker and of Redis', async () => {
  const value = async (service: Service, name: string) =>
    (await scraped(service)).get(`lamplighter_${name}`)?.samples[0]?.value ?? Number.NaN;
  const LINKS_AND_DEVICES = 5;
  // The broker publishes its metrics every ten seconds, so the first values can be older than some connections.
  await until(
    async () =>
      (await value('rules', 'broker_publish_received_total')) > 0 &&
      (await value('rules', 'broker_clients')) >= LINKS_AND_DEVICES,
    { what: 'the broker to report messages and all clients', timeoutMs: 30_000 },
  );
  expect(await value('rules', 'broker_heap_bytes')).toBeGreaterThan(10_000);
  // Both arrive every few seconds, which resets the age. Each age is compared with the previous scrape: a first value near zero might
  // never be undercut.
  for (const age of ['broker_sys_age_seconds', 'mqtt_canary_age_seconds']) {
    let before = await value('rules', age);
    const hasFallen = async () => {
      const now = await value('rules', age);
      const fell = now < before;
      before = now;
      return fell;
    };
    await until(hasFallen, { what: `${age} to fall`, timeoutMs: 30_000 });
  }
  expect(await value('api', 'redis_used_memory_bytes')).toBeGreaterThan(100_000);
  expect(await value('api', 'redis_aof_last_write_ok')).toBe(1);
}, 120_000);

const counted = async (name: string, label: string) =>
  (await scraped('rules'))
    .get(`lamplighter_${name}`)
    ?.samples.find(({ labels }) => Object.values(labels).includes(label))?.value ?? Number.NaN;

it('does not count canaries as telemetry', async () => {
  expect(lastMessageBeforeDevices).toBe(0);
  await until(async () => (await stack.metric('lamplighter_telemetry_last_message_timestamp_seconds')) > 0, {
    what: 'a reading of a device to arrive',
  });
});

it('counts a client that disconnects as 4xx, without a duration', async () => {
  const route = '/v1/fleets/:fleet/devices/:device/commands';
  const count = async (metric: string, ...labels: string[]) => {
    const samples = (await scraped('api')).get('lamplighter_http_requests_total')!.samples;
    const times = (await scraped('api')).get('lamplighter_http_request_duration_seconds')!.samples;
    return [...samples, ...times]
      .filter(({ name }) => name === `lamplighter_${metric}`)
      .filter((sample) => labels.every((label) => Object.values(sample.labels).includes(label)))
      .reduce((sum, { value }) => sum + value, 0);
  };
  const before = await count('http_requests_total', 'POST', route, '4xx');
  const abort = new AbortController();
  const waiting = fetch(`${running.api.url}/v1/fleets/demo/devices/unknown/commands?allowUnknown=true`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${stack.key}`,
      'content-type': 'application/json',
      prefer: 'wait=30',
    },
    body: JSON.stringify({ action: { led_on: true } }),
    signal: abort.signal,
  });
  await until(
    async () => (await scraped('api')).get('lamplighter_http_waiting_requests')!.samples[0]!.value === 1,
    {
      what: 'the request to wait',
    },
  );
  abort.abort();
  await expect(waiting).rejects.toThrow(/abort/);
  await until(async () => (await count('http_requests_total', 'POST', route, '4xx')) === before + 1, {
    what: 'the disconnected client to be counted',
  });
  expect(await count('http_requests_total', 'POST', route, '2xx')).toBe(0);
  expect(await count('http_request_duration_seconds_count', 'POST', route)).toBe(0);
});

it('counts wrong passwords at the broker', async () => {
  const before = await counted('auth_failures_total', 'mqtt');
  const url = new URL(broker.rulesUrl);
  url.password = 'wrong';
  await expect(connectMqtt(url.href)).rejects.toThrow(/not authorized/i);
  await until(async () => (await counted('auth_failures_total', 'mqtt')) === before + 1, {
    what: 'the rejected connection to be counted',
  });
});

it('counts lost sessions by cause', async () => {
  const fleet = await broker.newFleet();
  const topic = `${fleet.name}/presence/lamp`;
  const device = await connectMqtt(fleet.url);
  const publishPresence = (online: boolean, session: number) => device.publish(topic, { online, session });
  const before = [
    await counted('device_sessions_lost_total', 'takeover'),
    await counted('device_sessions_lost_total', 'will'),
  ];
  await publishPresence(true, 1);
  await publishPresence(true, 2);
  await publishPresence(false, 2);
  await until(
    async () => {
      expect([
        await counted('device_sessions_lost_total', 'takeover'),
        await counted('device_sessions_lost_total', 'will'),
      ]).toEqual(before.map((count) => count + 1));
      return true;
    },
    { what: 'a takeover and a will to be counted' },
  );
});

describe('the dashboards', () => {
  const queried = readdirSync('grafana/dashboards').flatMap((file) => {
    const text = readFileSync(join('grafana/dashboards', file), 'utf8');
    const queries = [...text.matchAll(/"(?:expr|query)": ("(?:[^"\\]|\\.)*")/g)];
    return queries.flatMap(([, query = '']) => metricsIn(JSON.parse(query) as string, declared));
  });

  it('query only metrics that exist', () => {
    expect(queried.filter((name) => !declared.has(name))).toEqual([]);
  });

  it('show every metric except those that docs/metrics.md lists with a reason', () => {
    const notShown = metricsNotShown();
    expect([...notShown].filter((name) => queried.includes(name) || !declared.has(name))).toEqual([]);
    const missing = [...declared.keys()].filter((name) => !queried.includes(name) && !notShown.has(name));
    expect(missing).toEqual([]);
  });
});

/** The label values of the samples of a metric, as text; for a histogram, those of its counts. */
function combinationsOf({ type, samples }: ExposedMetric): string[] {
  return samples
    .filter(({ name }) => type !== 'histogram' || name.endsWith('_count'))
    .map(({ labels }) => textOf(Object.entries(labels)));
}

function allCombinations(labels: Readonly<Record<string, readonly string[]>>): string[] {
  let all: [string, string][][] = [[]];
  for (const [label, values] of Object.entries(labels)) {
    all = all.flatMap((one) => values.map((value) => [...one, [label, value] as [string, string]]));
  }
  return all.map(textOf);
}

function textOf(labels: [string, string][]): string {
  return labels
    .map(([label, value]) => `${label}=${value}`)
    .sort()
    .join(' ');
}

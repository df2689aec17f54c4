import { setTimeout as delay } from 'node:timers/promises';
import { readUsage } from '../measure/process-usage.js';
import { percentile } from '../measure/statistics.js';
import { HttpConnection } from './http-connection.js';

/** An API process, the Redis behind it, and a key of it. */
export interface ApiUnderTest {
  readonly port: number;
  readonly key: string;
  readonly pids: { readonly api: number; readonly redis: number };
}

/** What a trial of so many connections measured. CPU in cores. */
export interface SubmitTrial {
  readonly connections: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly apiCores: number;
  readonly redisCores: number;
}

const WARM_UP_MS = 2000;

/**
 * Commands per second that one API process takes, each on disk (`appendfsync always`) before its answer. Every connection
 * sends the next command when it has the answer to the one before; the devices take turns.
 * @throws Error if a command is not taken
 */
export async function submit(
  api: ApiUnderTest,
  { connections, devices, seconds }: { connections: number; devices: number; seconds: number },
): Promise<SubmitTrial> {
  const clients = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(api.port)));
  let sent = 0;
  const run = async (ms: number) => {
    const latencies: number[] = [];
    const deadline = performance.now() + ms;
    const send = async (client: HttpConnection) => {
      while (performance.now() < deadline) {
        sent += 1;
        const since = performance.now();
        const { status, body } = await client.ask(post(api.key, sent % devices, sent % 2 === 0));
        if (status !== 202) throw new Error(`a command was answered with ${status}: ${body}`);
        latencies.push(performance.now() - since);
      }
    };
    await Promise.all(clients.map(send));
    return latencies;
  };
  try {
    await run(WARM_UP_MS);
    const cpu = () => [api.pids.api, api.pids.redis].map((pid) => readUsage(pid).cpuSeconds);
    const [before, since] = [cpu(), performance.now()];
    const latencies = await run(seconds * 1000);
    const [after, took] = [cpu(), (performance.now() - since) / 1000];
    return {
      connections,
      perSecond: latencies.length / took,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      apiCores: (after[0]! - before[0]!) / took,
      redisCores: (after[1]! - before[1]!) / took,
    };
  } finally {
    for (const client of clients) client.close();
  }
}

/** Settles once the API takes commands. */
export async function untilTaken(port: number, key: string): Promise<void> {
  for (;;) {
    const client = await HttpConnection.open(port).catch(() => undefined);
    const answer = await client?.ask(post(key, 0, true)).catch(() => undefined);
    client?.close();
    if (answer?.status === 202) return;
    await delay(100);
  }
}

function post(key: string, device: number, led_on: boolean): string {
  const body = JSON.stringify({ action: { led_on } });
  return [
    `POST /v1/fleets/bench/devices/lamp-${String(device).padStart(5, '0')}/commands HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

import { setTimeout as delay } from 'node:timers/promises';
import { deviceName } from '../../load/readings.js';
import { readUsage } from '../../measure/process-usage.js';
import { percentile } from '../../measure/statistics.js';
import { FLEET } from '../../testbed/servers.js';
import { HttpConnection } from './http-connection.js';

/** An API process, its Redis, and an API key. */
export interface ApiUnderTest {
  readonly port: number;
  readonly key: string;
  readonly pids: { readonly api: number; readonly redis: number };
}

const WARM_UP_MS = 2000;

/**
 * Commands per second that an API process accepts. Every connection sends its next command after the reply to the last one; the devices
 * take turns.
 * @throws Error if a command is rejected
 */
export async function submit(
  api: ApiUnderTest,
  { connections, devices, seconds }: { connections: number; devices: number; seconds: number },
) {
  const clients = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(api.port)));
  let sent = 0;
  const run = async (ms: number) => {
    const latencies: number[] = [];
    const deadline = performance.now() + ms;
    const send = async (client: HttpConnection) => {
      while (performance.now() < deadline) {
        sent += 1;
        const since = performance.now();
        const { status, body } = await client.send(request(api.key, sent % devices, sent % 2 === 0));
        if (status !== 202) throw new Error(`the API rejected a command with ${status}: ${body}`);
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

/** Settles when the API accepts commands. */
export async function untilAccepting(port: number, key: string): Promise<void> {
  for (;;) {
    const client = await HttpConnection.open(port).catch(() => undefined);
    const reply = await client?.send(request(key, 0, true)).catch(() => undefined);
    client?.close();
    if (reply?.status === 202) return;
    await delay(100);
  }
}

function request(key: string, device: number, led_on: boolean): string {
  const body = JSON.stringify({ action: { led_on } });
  return [
    `POST /v1/fleets/${FLEET}/devices/${deviceName(device)}/commands?allowUnknown=true HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

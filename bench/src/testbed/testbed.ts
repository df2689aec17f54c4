import { setTimeout as delay } from 'node:timers/promises';
import { BrokerConnection } from '../load/connection.js';
import { readUsage } from '../measure/process-usage.js';
import { FLEET, startServers } from './servers.js';
import type { Persistence, Service, StartService } from './service.js';

/** A service under test with its own broker and Redis. All testbeds have the same configuration. */
export interface Testbed {
  readonly name: string;
  readonly service: Service;
  /** For the generator. */
  readonly fleetUrl: string;
  readonly pids: { readonly service: number; readonly broker: number; readonly redis: number };
  /** Messages that the broker has dropped since its start; the broker updates this number every ten seconds. */
  readonly brokerDropped: number;
  /** Waits until all processes are idle. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestbedOptions {
  readonly name: string;
  readonly start: StartService;
  readonly qos: 0 | 1;
  readonly persistence: Persistence;
  readonly folder: string;
}

/** Processes that use less than this share of a core are idle. */
const IDLE_SHARE = 0.15;
const SETTLE_EVERY_MS = 300;
const SETTLE_MS = 60_000;

/** Starts broker, Redis and service. */
export async function startTestbed({
  name,
  start,
  qos,
  persistence,
  folder,
}: TestbedOptions): Promise<Testbed> {
  const servers = await startServers(folder, persistence);
  const { mqttUrl, redisUrl, fleetUrl } = servers;
  const service = await start({ mqttUrl, redisUrl, fleet: FLEET, qos, folder, persistence });
  const dropped = await followCounter(mqttUrl, '$SYS/broker/publish/messages/dropped');
  const pids = { service: service.pid, ...servers.pids };
  return {
    name,
    service,
    fleetUrl,
    pids,
    get brokerDropped() {
      return dropped.value;
    },
    settle: () => untilIdle(Object.values(pids)),
    async stop() {
      await service.stop();
      await dropped.close();
      await servers.stop();
    },
  };
}

async function untilIdle(pids: number[]): Promise<void> {
  const cpu = () => pids.reduce((sum, pid) => sum + readUsage(pid).cpuSeconds, 0);
  const deadline = Date.now() + SETTLE_MS;
  for (let before = cpu(); Date.now() < deadline; ) {
    await delay(SETTLE_EVERY_MS);
    const now = cpu();
    if (now - before < (IDLE_SHARE * SETTLE_EVERY_MS) / 1000) return;
    before = now;
  }
}

/** Subscribes to a counter under `$SYS`; the result holds its latest value. */
async function followCounter(url: string, topic: string): Promise<{ value: number; close(): Promise<void> }> {
  const counter = { value: 0, close: () => connection.close() };
  const connection = await BrokerConnection.open(
    url,
    `bench-counters-${process.pid}`,
    ({ chunk, payloadStart, payloadEnd }) => {
      counter.value = Number(chunk.toString('latin1', payloadStart, payloadEnd));
    },
    () => undefined,
  );
  await connection.subscribe(topic, 0);
  return counter;
}

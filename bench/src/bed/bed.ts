import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { startRedis } from '@lamplighter/native/servers/redis';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { BrokerConnection } from '../load/connection.js';
import { readUsage } from '../measure/process-usage.js';
import { freePort } from './free-port.js';
import type { Durability, Service, StartService } from './service.js';

/** The fleet of the bench, and the account that its devices share. */
export const FLEET = 'bench';

/** A service under test with a broker and a Redis of its own, set up like everybody's. */
export interface Bed {
  readonly name: string;
  readonly service: Service;
  /** For the generator: logs in as the fleet. */
  readonly mqttUrl: string;
  readonly pids: { readonly service: number; readonly broker: number; readonly redis: number };
  /** Messages that the broker dropped since its start; the broker updates this number every ten seconds. */
  readonly brokerDropped: number;
  /** Waits until the service has finished what it has: the processes are idle. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export interface BedOptions {
  readonly name: string;
  readonly start: StartService;
  readonly qos: 0 | 1;
  readonly durability: Durability;
  readonly folder: string;
}

const WITHOUT_AOF = ['appendonly no'];
/** Less than this share of a core in half a second is idle. */
const IDLE_SHARE = 0.1;
const SETTLE_MS = 60_000;

/** Starts broker, Redis and service on free ports. */
export async function makeBed({ name, start, qos, durability, folder }: BedOptions): Promise<Bed> {
  mkdirSync(folder, { recursive: true });
  const accounts = { rules: generateSecret(), [FLEET]: generateSecret() };
  const broker = await startMosquitto({
    folder: `${folder}/mosquitto`,
    port: await freePort(),
    servicesPort: await freePort(),
    accounts,
  });
  const redis = await startRedis({
    folder: `${folder}/redis`,
    port: await freePort(),
    password: generateSecret(),
    settings: durability === 'warn' ? WITHOUT_AOF : [],
  });
  const service = await start({
    mqttUrl: broker.urlFor('rules'),
    redisUrl: redis.url,
    fleet: FLEET,
    qos,
    folder,
    durability,
  });
  const dropped = await follow(broker.urlFor('rules'), '$SYS/broker/publish/messages/dropped');
  const pids = { service: service.pid, broker: broker.pid, redis: redis.pid };
  return {
    name,
    service,
    mqttUrl: broker.urlFor(FLEET),
    pids,
    get brokerDropped() {
      return dropped.value;
    },
    settle: () => untilIdle(Object.values(pids)),
    async stop() {
      await service.stop();
      await dropped.close();
      await Promise.all([broker.stop(), redis.stop()]);
    },
  };
}

async function untilIdle(pids: number[]): Promise<void> {
  const cpu = () => pids.reduce((sum, pid) => sum + readUsage(pid).cpuSeconds, 0);
  const deadline = Date.now() + SETTLE_MS;
  for (let before = cpu(); Date.now() < deadline; ) {
    await delay(500);
    const now = cpu();
    if (now - before < IDLE_SHARE / 2) return;
    before = now;
  }
}

/** Follows a counter under `$SYS`; what it returns holds the latest value. */
async function follow(url: string, topic: string): Promise<{ value: number; close(): Promise<void> }> {
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

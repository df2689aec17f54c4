import { fileURLToPath } from 'node:url';
import { startChild } from '@lamplighter/native/process/child';
import { untilServing } from '@lamplighter/native/process/serving';
import { Redis } from 'ioredis';
import { deviceName } from '../load/readings.js';
import type { Service, Surroundings } from './service.js';

const MAIN = fileURLToPath(new URL('../reference/main.js', import.meta.url));
const START_MS = 20_000;

/** Starts the plain reference. What it has stored is counted by Redis, so that counting costs the reference nothing. */
export async function startReference({ mqttUrl, redisUrl, qos, folder }: Surroundings): Promise<Service> {
  const child = startChild({
    name: 'reference',
    command: process.execPath,
    args: [MAIN],
    logFile: `${folder}/reference.log`,
    env: { PATH: process.env.PATH, MQTT_URL: mqttUrl, REDIS_URL: redisUrl, QOS: String(qos) },
  });
  await untilServing(child, async () => child.output().includes('ready') || 'not ready yet', START_MS);
  const redis = new Redis(redisUrl);
  return {
    pid: child.pid,
    get alive() {
      return child.exit === undefined;
    },
    async counts() {
      const calls = /^cmdstat_hset:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1];
      return { stored: Number(calls ?? 0), dropped: 0 };
    },
    async lastSeqs(fleet, devices) {
      const keys = Array.from({ length: devices }, (_, device) => `state:${fleet}/${deviceName(device)}`);
      const replies = await redis.pipeline(keys.map((key) => ['hget', key, '_seq'])).exec();
      return (replies ?? []).map(([, seq]) => Number(seq ?? 0));
    },
    async stop() {
      redis.disconnect();
      await child.stop();
    },
  };
}

import { fileURLToPath } from 'node:url';
import { startChild } from '@lamplighter/native/process/child';
import { untilServing } from '@lamplighter/native/process/serving';
import { Redis } from 'ioredis';
import { deviceName } from '../load/readings.js';
import type { StartService } from './service.js';

/** Programs in peers/. */
export const PEERS = ['nest-stock', 'mqttjs-ioredis', 'bare-batched-loop', 'no-store'] as const;
export type PeerName = (typeof PEERS)[number];

const START_MS = 20_000;

/** Reads `_seq` of a last state, by peer. Peers without a store have no entry. */
const READ_SEQ: Partial<Record<PeerName, (redis: Redis, key: string) => Promise<number>>> = {
  'nest-stock': seqField,
  'mqttjs-ioredis': seqField,
  'bare-batched-loop': async (redis, key) => {
    const reading = (await redis.hget(key, 'reading')) ?? '{}';
    return (JSON.parse(reading) as { _seq?: number })._seq ?? 0;
  },
};

async function seqField(redis: Redis, key: string): Promise<number> {
  return Number((await redis.hget(key, '_seq')) ?? 0);
}

/** Starts a peer. Redis counts what it stores (calls of HSET), so that counting costs the peer nothing. */
export function peer(name: PeerName): StartService {
  const readSeq = READ_SEQ[name];
  return async ({ mqttUrl, redisUrl, fleet, qos, folder }) => {
    const child = startChild({
      name,
      command: process.execPath,
      args: [fileURLToPath(new URL(`../peers/${name}/main.js`, import.meta.url))],
      logFile: `${folder}/${name}.log`,
      env: {
        PATH: process.env.PATH,
        MQTT_URL: mqttUrl,
        REDIS_URL: redisUrl,
        FLEET: fleet,
        QOS: String(qos),
      },
    });
    await untilServing(child, async () => child.output().includes('ready') || 'not ready yet', START_MS);
    const redis = new Redis(redisUrl, { enableAutoPipelining: true });
    return {
      pid: child.pid,
      get alive() {
        return child.exit === undefined;
      },
      async counts() {
        if (readSeq === undefined) return undefined;
        const calls = /^cmdstat_hset:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1];
        return { stored: Number(calls ?? 0), dropped: 0 };
      },
      async lastSeqs(ofFleet, devices) {
        if (readSeq === undefined) return undefined;
        const keys = Array.from({ length: devices }, (_, device) => `state:${ofFleet}/${deviceName(device)}`);
        return Promise.all(keys.map((key) => readSeq(redis, key)));
      },
      async stop() {
        redis.disconnect();
        await child.stop();
      },
    };
  };
}

import { mkdirSync } from 'node:fs';
import { startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { startRedis } from '@lamplighter/native/servers/redis';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { freePort } from './free-port.js';
import type { Persistence } from './service.js';

/** The fleet of the benchmark, and the account that its devices share. */
export const FLEET = 'bench';

/** A broker and a Redis on free ports, with the repository's configuration. */
export interface Servers {
  /** For services. */
  readonly mqttUrl: string;
  /** For the devices of the fleet. */
  readonly fleetUrl: string;
  readonly redisUrl: string;
  readonly pids: { readonly broker: number; readonly redis: number };
  stop(): Promise<void>;
}

export async function startServers(folder: string, persistence: Persistence): Promise<Servers> {
  mkdirSync(folder, { recursive: true });
  const broker = await startMosquitto({
    folder: `${folder}/mosquitto`,
    port: await freePort(),
    servicesPort: await freePort(),
    accounts: { rules: generateSecret(), [FLEET]: generateSecret() },
  });
  const redis = await startRedis({
    folder: `${folder}/redis`,
    port: await freePort(),
    accounts: { admin: generateSecret(), rules: generateSecret(), api: generateSecret() },
    settings: persistence === 'off' ? ['appendonly no'] : [],
  });
  return {
    mqttUrl: broker.urlFor('rules'),
    fleetUrl: broker.urlFor(FLEET),
    redisUrl: redis.url,
    pids: { broker: broker.pid, redis: redis.pid },
    async stop() {
      await Promise.all([broker.stop(), redis.stop()]);
    },
  };
}

import { launchService, type ServiceName, untilReady } from '@lamplighter/native/servers/service';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { Redis } from 'ioredis';
import { PRODUCT } from '../../results/goals.js';
import { figuresOf, type Sample } from '../../results/sample.js';
import { freePort } from '../../testbed/free-port.js';
import { startServers } from '../../testbed/servers.js';
import { roundTrips } from './round-trip.js';
import { submit, untilAccepting } from './submit.js';

export interface RestPlan {
  readonly connections: readonly number[];
  readonly seconds: number;
  /** Devices that receive the submitted commands in turn. */
  readonly devices: number;
  readonly roundTrips: number;
}

/**
 * Commands over REST, with one API process and `appendfsync always`: round trips to one device while nothing else happens, then submits
 * without a rules service, so that nothing is dispatched.
 */
export async function restCommands(
  { connections, seconds, devices, roundTrips: trips }: RestPlan,
  folder: string,
  log: (line: string) => void,
): Promise<Sample[]> {
  const servers = await startServers(folder, 'always');
  const launch = async (name: ServiceName, more: NodeJS.ProcessEnv = {}) =>
    launchService({
      name,
      port: await freePort(),
      logFile: `${folder}/${name}.log`,
      env: {
        PATH: process.env.PATH,
        REDIS_URL: servers.redisUrl,
        LOG_LEVEL: 'warn',
        API_KEY_RATE: '1000000',
        ...more,
      },
    });
  const key = await newKey(servers.redisUrl);
  const api = await launch('api');
  const rules = await launch('rules', { MQTT_URL: servers.mqttUrl });
  const samples: Sample[] = [];
  const add = (ofConnections: number, figures: Sample['figures']) => {
    log(`rest, ${ofConnections} connections: ${JSON.stringify(figures)}`);
    samples.push({
      scenario: 'rest',
      service: PRODUCT,
      connections: ofConnections,
      figures: figuresOf(figures),
    });
  };
  try {
    await Promise.all([untilReady(rules), untilReady(api)]);
    add(1, await roundTrips({ apiUrl: api.url, key, mqttUrl: servers.fleetUrl }, trips));
    await rules.stop();
    await untilAccepting(api.port, key);
    const underTest = { port: api.port, key, pids: { api: api.pid, redis: servers.pids.redis } };
    for (const count of connections)
      add(count, await submit(underTest, { connections: count, devices, seconds }));
    return samples;
  } finally {
    await Promise.all([rules.stop(), api.stop()]);
    await servers.stop();
  }
}

async function newKey(redisUrl: string): Promise<string> {
  const redis = new Redis(redisUrl);
  try {
    return (await createApiKey(redis)).key;
  } finally {
    redis.disconnect();
  }
}

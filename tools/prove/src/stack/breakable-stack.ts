import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerLimits } from '@lamplighter/native/servers/broker-limits';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { connectRedis } from '@lamplighter/store/redis/connect';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { type Link, openLink } from '@lamplighter/test-kit/servers/link';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import {
  type RestartableService,
  restartableService,
} from '@lamplighter/test-kit/servers/restartable-service';
import { until } from '@lamplighter/test-kit/until';
import { ApiClient } from './api-client.js';

/** A rules replica with its links to the broker and Redis. */
export interface Replica extends RestartableService {
  readonly toBroker: Link;
  readonly toRedis: Link;
}

/** A simulated fleet that keeps its readings until their receipts, writes a journal, and recovers its state after a kill. */
export interface SimulatedFleet {
  readonly fleet: TestFleet;
  readonly devices: number;
  readonly process: RestartableService;
  readonly toBroker: Link;
  /** Journal of the devices, JSON lines. */
  readonly journalFile: string;
}

/** All of Lamplighter as real processes, with a breakable link on every connection between them. */
export interface BreakableStack {
  readonly folder: string;
  readonly broker: TestBroker;
  readonly redis: TestRedis;
  readonly replicas: readonly Replica[];
  readonly api: RestartableService & { readonly toRedis: Link };
  readonly fleets: readonly SimulatedFleet[];
  readonly client: ApiClient;
  /** Adds a rules replica; settles when it is ready. */
  addReplica(env?: Record<string, string>): Promise<Replica>;
  /** Adds a simulated fleet; settles when its devices are connected. */
  addFleet(options: FleetOptions): Promise<SimulatedFleet>;
}

export interface FleetOptions {
  readonly devices: number;
  readonly name?: string;
  /** Additional variables of the simulator. */
  readonly env?: Record<string, string>;
}

export interface BreakableStackOptions {
  /** Holds the journals and the state of the devices. */
  readonly folder: string;
  /** Rules replicas; default 1. */
  readonly replicas?: number;
  /** Additional lines of redis.conf. */
  readonly redisSettings?: string[];
  /** Limits of the broker; by default enough for 3,000 devices. */
  readonly brokerLimits?: BrokerLimits;
  /** Additional variables of the services. */
  readonly rulesEnv?: Record<string, string>;
  readonly apiEnv?: Record<string, string>;
}

/** Starts the stack; everything in it stops at the end of the test, or with `closeEverything`. */
export async function startBreakableStack({
  folder,
  replicas: count = 1,
  redisSettings = [],
  brokerLimits,
  rulesEnv = {},
  apiEnv = {},
}: BreakableStackOptions): Promise<BreakableStack> {
  mkdirSync(folder, { recursive: true });
  const [broker, redis] = await Promise.all([
    startBroker(brokerLimits && { limits: brokerLimits }),
    startRedis({ settings: redisSettings }),
  ]);
  const key = await createKey(redis.url);
  const replicas: Replica[] = [];
  const fleets: SimulatedFleet[] = [];
  const addReplica = async (env: Record<string, string> = {}) => {
    const replica = await startReplica(broker, redis, { ...rulesEnv, ...env });
    replicas.push(replica);
    await replica.ready();
    return replica;
  };
  const apiToRedis = await openLink(redis.port);
  const api = Object.assign(
    await restartableService('api', { REDIS_URL: apiToRedis.through(redis.apiUrl), ...apiEnv }),
    {
      toRedis: apiToRedis,
    },
  );
  await Promise.all(Array.from({ length: count }, () => addReplica()));
  await api.ready();
  return {
    folder,
    broker,
    redis,
    replicas,
    api,
    fleets,
    client: new ApiClient(api.url, key),
    addReplica,
    async addFleet(options) {
      const fleet = await startFleet(broker, folder, options);
      fleets.push(fleet);
      await fleet.process.ready(60_000 + 20 * options.devices);
      return fleet;
    },
  };
}

async function startReplica(
  broker: TestBroker,
  redis: TestRedis,
  env: Record<string, string>,
): Promise<Replica> {
  const servicesPort = Number(new URL(broker.rulesUrl).port);
  const [toBroker, toRedis] = await Promise.all([openLink(servicesPort), openLink(redis.port)]);
  const service = await restartableService('rules', {
    MQTT_URL: toBroker.through(broker.rulesUrl),
    REDIS_URL: toRedis.through(redis.rulesUrl),
    ...env,
  });
  return Object.assign(service, { toBroker, toRedis });
}

async function startFleet(
  broker: TestBroker,
  folder: string,
  { devices, name, env = {} }: FleetOptions,
): Promise<SimulatedFleet> {
  const fleet = await broker.newFleet(name);
  const toBroker = await openLink(broker.port);
  const journalFile = join(folder, `devices-${fleet.name}.jsonl`);
  const process = await restartableService('device-sim', {
    MQTT_URL: toBroker.through(fleet.url),
    FLEET: fleet.name,
    DEVICES: String(devices),
    TELEMETRY: 'keep',
    STATE_DIR: join(folder, `state-${fleet.name}`),
    JOURNAL_FILE: journalFile,
    ...env,
  });
  return { fleet, devices, process, toBroker, journalFile };
}

async function createKey(redisUrl: string): Promise<string> {
  const redis = connectRedis(redisUrl, 'prove');
  try {
    await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
    return (await createApiKey(redis)).key;
  } finally {
    redis.disconnect();
  }
}

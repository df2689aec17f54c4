import { join } from 'node:path';
import { DeviceClient } from '@lamplighter/device/device-client';
import { minimalEnvironment } from '@lamplighter/native/process/child';
import type { Server } from '@lamplighter/native/process/serving';
import { startRedis } from '@lamplighter/native/servers/redis';
import { launchService, type ServiceName, untilReady } from '@lamplighter/native/servers/service';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { Redis } from 'ioredis';
import { freePort } from '../../bed/free-port.js';
import { addBystanders } from '../bystanders.js';
import { type Design, type Device, deviceName, type Execute, FLEET } from '../design.js';
import type { DeviceLink } from '../device-link.js';
import { actionOf, type ScriptedCommand } from '../outage-log.js';

/** The time to live of a command that has none of its own in the script. */
const LONG_TTL = '1h';

/** The command was not taken; the message has the answer. */
class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
}

/** Commands over REST, the real services, the client library for devices. */
export const LAMPLIGHTER: Design = {
  name: 'Lamplighter',
  explanation:
    'The queue is in Redis and knows lanes, order and expiry; the broker only carries, and the device runs each id once. A logger and persistent sessions without clients subscribe to all commands.',
  // The persistent sessions are still there after the restart.
  broker: { persistence: true },
  promised: true,
  async start(broker, folder) {
    const redis = await startRedis({
      folder: join(folder, 'redis'),
      port: await freePort(),
      password: generateSecret(),
    });
    const launch = async (name: ServiceName, env: NodeJS.ProcessEnv): Promise<Server> =>
      launchService({
        name,
        port: await freePort(),
        logFile: join(folder, `${name}.log`),
        env: { ...minimalEnvironment(), REDIS_URL: redis.url, LOG_LEVEL: 'warn', ...env },
      });
    const rules = await launch('rules', { MQTT_URL: broker.url });
    const api = await launch('api', {});
    await Promise.all([untilReady(rules), untilReady(api)]);
    const endLogger = await addBystanders(broker.url);
    const authorization = `Bearer ${await newKey(redis.url)}`;
    const known = new Set<number>();
    const get = async (path: string) =>
      (await (await fetch(`${api.url}${path}`, { headers: { authorization } })).json()) as Record<
        string,
        unknown
      >;

    return {
      async issue(command) {
        const response = await fetch(
          `${api.url}/v1/fleets/${FLEET}/devices/${deviceName(command.device)}/commands?allowUnknown=true`,
          {
            method: 'POST',
            headers: { authorization, 'content-type': 'application/json' },
            body: JSON.stringify(requestOf(command)),
          },
        );
        const text = await response.text();
        if (response.status !== 202) throw new CommandRefused(`${response.status} ${text}`);
      },
      get connected() {
        return fetch(`${rules.url}/health/ready`).then(({ ok }) => ok);
      },
      async settled() {
        const bodies = await Promise.all(
          [...known].map((device) => get(`/v1/fleets/${FLEET}/devices/${deviceName(device)}`)),
        );
        return bodies.every(({ pendingCommands }) => pendingCommands === 0);
      },
      newDevice(device, link, execute) {
        known.add(device);
        return new LamplighterDevice(device, link, execute);
      },
      async stop() {
        await Promise.all([rules.stop(), api.stop(), endLogger()]);
        await redis.stop();
      },
    };
  },
};

/** What the script asks for, as REST takes it. */
function requestOf(command: ScriptedCommand) {
  const { lane, kind, ttlMs } = command;
  return {
    action: actionOf(command),
    policy: kind,
    lane,
    ttl: ttlMs === undefined ? LONG_TTL : `${ttlMs}ms`,
  };
}

async function newKey(redisUrl: string): Promise<string> {
  const redis = new Redis(redisUrl);
  try {
    return await createApiKey(redis);
  } finally {
    redis.disconnect();
  }
}

/** A device program on the client library of the project. */
class LamplighterDevice implements Device {
  private readonly client: DeviceClient;

  constructor(device: number, link: DeviceLink, execute: Execute) {
    this.client = new DeviceClient({
      broker: { host: '127.0.0.1', port: link.port },
      fleet: FLEET,
      device: deviceName(device),
      backoff: { firstMs: 500, maxMs: 1000 },
      execute: (action) => execute(action as { n: number }),
    });
  }

  get online(): boolean {
    return this.client.online;
  }

  start(): void {
    this.client.start();
  }

  sayGoodbye(): Promise<void> {
    return this.client.close();
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

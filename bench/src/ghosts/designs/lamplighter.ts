import { join } from 'node:path';
import { DeviceClient } from '@lamplighter/device/device-client';
import { minimalEnvironment } from '@lamplighter/native/process/child';
import type { Server } from '@lamplighter/native/process/serving';
import { startRedis } from '@lamplighter/native/servers/redis';
import { launchService, type ServiceName, untilReady } from '@lamplighter/native/servers/service';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { Redis } from 'ioredis';
import { freePort } from '../../testbed/free-port.js';
import { AcknowledgingDevice } from '../devices/acknowledging-device.js';
import type { DeviceLink } from '../devices/device-link.js';
import { actionOf, type ScriptedCommand } from '../outage/outage-log.js';
import { addBystanders } from './bystanders.js';
import { type Design, type Device, deviceName, type Execute, FLEET } from './design.js';

/** Time to live of commands without one in the script. */
const LONG_TTL = '1h';

/** The API rejected a command; the message contains the response. */
class CommandRejected extends Error {
  override readonly name = 'CommandRejected';
}

/** Lamplighter with the client library for devices. */
export const LAMPLIGHTER = lamplighter(
  'Lamplighter',
  'Redis holds the queue with lanes, order and expiry; the broker only forwards, and the device executes each id once. A logger and persistent sessions without clients subscribe to all commands.',
  (...device) => new LamplighterDevice(...device),
);

/** Lamplighter with a device program that does not use the library and has a persistent session. */
export const LAMPLIGHTER_PERSISTENT = lamplighter(
  'Lamplighter, devices with persistent sessions',
  'The same without the client library: MQTT 3.1.1 with clean=false and MQTT 5 with session expiry. The service sends nothing to an offline device, and copies that the broker still queues expire.',
  (...device) => new AcknowledgingDevice(...device),
);

/** Commands over REST, the real services. */
function lamplighter(
  name: string,
  explanation: string,
  newDevice: (device: number, link: DeviceLink, execute: Execute) => Device,
): Design {
  return {
    name,
    explanation,
    // The persistent sessions are still there after the restart.
    broker: { persistence: true },
    promised: true,
    async start(broker, folder) {
      const redis = await startRedis({
        folder: join(folder, 'redis'),
        port: await freePort(),
        accounts: { admin: generateSecret(), rules: generateSecret(), api: generateSecret() },
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
          if (response.status !== 202) throw new CommandRejected(`${response.status} ${text}`);
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
          return newDevice(device, link, execute);
        },
        async stop() {
          await Promise.all([rules.stop(), api.stop(), endLogger()]);
          await redis.stop();
        },
      };
    },
  };
}

/** The request body of a scripted command. */
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
    return (await createApiKey(redis)).key;
  } finally {
    redis.disconnect();
  }
}

/** A device program that uses the client library. */
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

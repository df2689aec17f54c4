import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Server } from '@lamplighter/native/process/serving';
import { startMosquitto } from '@lamplighter/native/servers/mosquitto';
import { startRedis } from '@lamplighter/native/servers/redis';
import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { Redis } from 'ioredis';
import { freePort } from '../bed/free-port.js';
import { describeMachine } from '../report/machine.js';
import { type RoundTrips, roundTrips } from './round-trip.js';
import { submit, untilTaken } from './submit.js';

const FLEET = 'bench';
const USAGE = `Usage: npm run bench:commands -- [options]
  --connections LIST   connections of each trial of submitting (16,32,64)
  --seconds N          length of a trial (8)
  --devices N          devices that get the commands in turn (2000)
  --round-trips N      commands of the round trip (500); 0 leaves it out`;

/**
 * Commands over REST: how many per second one API process takes, and how long a command takes to its device and back.
 * Exit code 1 means that a limit was missed.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '16,32,64' },
      seconds: { type: 'string', default: '8' },
      devices: { type: 'string', default: '2000' },
      'round-trips': { type: 'string', default: '500' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-bench-commands-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  console.log(describeMachine(folder).join('\n'));

  const redis = await startRedis({
    folder: join(folder, 'redis'),
    port: await freePort(),
    password: generateSecret(),
  });
  const store = new Redis(redis.url);
  const key = await createApiKey(store);
  store.disconnect();
  const env = { PATH: process.env.PATH, REDIS_URL: redis.url, LOG_LEVEL: 'warn' };
  const api = launchService({ name: 'api', port: await freePort(), logFile: join(folder, 'api.log'), env });
  let isMissed = false;
  try {
    // First, while nothing else is in Redis: afterwards thousands of commands wait for devices that are not there.
    if (values['round-trips'] !== '0') {
      const trips = await measureRoundTrips(folder, env, { api, key }, Number(values['round-trips']));
      isMissed ||= trips.storedP99 >= LIMITS.roundTripMs;
      console.log(
        `round trip of ${trips.commands} commands: answer stored p50 ${trips.storedP50} ms, p99 ${trips.storedP99} ms; ` +
          `told to a waiting client p50 ${trips.toldP50.toFixed(1)} ms, p99 ${trips.toldP99.toFixed(1)} ms`,
      );
    }
    await untilTaken(api.port, key);
    for (const connections of values.connections.split(',').map(Number)) {
      const { perSecond, p50Ms, p99Ms, apiCores, redisCores } = await submit(
        { port: api.port, key, pids: { api: api.pid, redis: redis.pid } },
        { connections, devices: Number(values.devices), seconds: Number(values.seconds) },
      );
      isMissed ||= perSecond < LIMITS.perSecond;
      console.log(
        `submit, ${connections} connections: ${Math.round(perSecond)}/s, p50 ${p50Ms.toFixed(1)} ms, ` +
          `p99 ${p99Ms.toFixed(1)} ms; cores: api ${apiCores.toFixed(2)}, Redis ${redisCores.toFixed(2)}`,
      );
    }
    return isMissed ? 1 : 0;
  } finally {
    await api.stop();
    await redis.stop();
  }
}

/** With a broker and a rules service that are stopped again, so that they take nothing from what is measured next. */
async function measureRoundTrips(
  folder: string,
  env: NodeJS.ProcessEnv,
  { api, key }: { api: Server; key: string },
  commands: number,
): Promise<RoundTrips> {
  const broker = await startMosquitto({
    folder: join(folder, 'mosquitto'),
    port: await freePort(),
    servicesPort: await freePort(),
    accounts: { rules: generateSecret(), [FLEET]: generateSecret() },
  });
  const rules = launchService({
    name: 'rules',
    port: await freePort(),
    logFile: join(folder, 'rules.log'),
    env: { ...env, MQTT_URL: broker.urlFor('rules') },
  });
  try {
    await untilReady(rules);
    await untilReady(api);
    return await roundTrips({ apiUrl: api.url, key, mqttUrl: broker.urlFor(FLEET), fleet: FLEET }, commands);
  } finally {
    await rules.stop();
    await broker.stop();
  }
}

/** What one API process takes per second at least, and what 99 of 100 round trips stay below on an idle machine. */
const LIMITS = { perSecond: 2000, roundTripMs: 50 };

process.exitCode = await main();

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startMosquitto } from '@lamplighter/native/mosquitto';
import { startRedis } from '@lamplighter/native/redis';
import { generateSecret } from '@lamplighter/native/secrets';
import { launchService, untilReady } from '@lamplighter/native/service';
import { createApiKey } from '@lamplighter/store/api-keys';
import { Redis } from 'ioredis';
import { freePort } from '../bed/free-port.js';
import { describeMachine } from '../report/machine.js';
import { roundTrips } from './round-trip.js';
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
  const running = [redis, api];
  let isMissed = false;
  try {
    await untilTaken(api.port, key);
    const devices = Number(values.devices);
    const pids = { api: api.pid, redis: redis.pid };
    for (const connections of values.connections.split(',').map(Number)) {
      const trial = { connections, devices, seconds: Number(values.seconds) };
      const { perSecond, p50Ms, p99Ms, apiCores, redisCores } = await submit(
        { port: api.port, key, pids },
        trial,
      );
      isMissed ||= perSecond < LIMITS.perSecond;
      console.log(
        `submit, ${connections} connections: ${Math.round(perSecond)}/s, p50 ${p50Ms.toFixed(1)} ms, ` +
          `p99 ${p99Ms.toFixed(1)} ms; cores: api ${apiCores.toFixed(2)}, Redis ${redisCores.toFixed(2)}`,
      );
    }
    if (values['round-trips'] === '0') return isMissed ? 1 : 0;
    const accounts = { rules: generateSecret(), [FLEET]: generateSecret() };
    const broker = await startMosquitto({
      folder: join(folder, 'mosquitto'),
      port: await freePort(),
      accounts,
    });
    const rules = launchService({
      name: 'rules',
      port: await freePort(),
      logFile: join(folder, 'rules.log'),
      env: { ...env, MQTT_URL: broker.urlFor('rules') },
    });
    running.push(broker, rules);
    await untilReady(rules);
    const trips = await roundTrips(
      { apiUrl: api.url, key, mqttUrl: broker.urlFor(FLEET), fleet: FLEET },
      Number(values['round-trips']),
    );
    isMissed ||= trips.storedP99 >= LIMITS.roundTripMs;
    console.log(
      `round trip of ${trips.commands} commands: answer stored p50 ${trips.storedP50} ms, p99 ${trips.storedP99} ms; ` +
        `told to a waiting client p50 ${trips.toldP50.toFixed(1)} ms, p99 ${trips.toldP99.toFixed(1)} ms`,
    );
    return isMissed ? 1 : 0;
  } finally {
    for (const server of running.reverse()) await server.stop();
  }
}

/** What one API process takes per second at least, and what 99 of 100 round trips stay below on an idle machine. */
const LIMITS = { perSecond: 2000, roundTripMs: 50 };

process.exitCode = await main();

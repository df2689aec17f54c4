import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { shardOf, windowKey } from '@lamplighter/store/keys';
import { Redis } from 'ioredis';
import { deviceName } from '../load/readings.js';
import { freePort } from './free-port.js';
import type { Service, Surroundings } from './service.js';

/** Results of `lamplighter_telemetry_messages_total` that mean that the reading is in Redis. */
const STORED = ['accepted', 'late'];
/** Those that mean that it never will be. */
const DROPPED = ['duplicate', 'stale', 'rejected', 'failed'];

/** Starts the rules service as its README says, with its bundled rule or a rules file; `more` for variables and a port of one's own. */
export async function startLamplighter(
  surroundings: Surroundings,
  rulesFile?: string,
  more: { env?: NodeJS.ProcessEnv; port?: number } = {},
): Promise<Service> {
  const { mqttUrl, redisUrl, folder, durability } = surroundings;
  const service = launchService({
    name: 'rules',
    port: more.port ?? (await freePort()),
    logFile: `${folder}/rules.log`,
    env: {
      PATH: process.env.PATH,
      MQTT_URL: mqttUrl,
      REDIS_URL: redisUrl,
      REDIS_DURABILITY: durability,
      LOG_LEVEL: 'warn',
      ...(rulesFile !== undefined && { RULES_FILE: rulesFile }),
      ...more.env,
    },
  });
  await untilReady(service);
  const redis = new Redis(redisUrl);
  return {
    pid: service.pid,
    get alive() {
      return service.exit === undefined;
    },
    async counts() {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const sum = (results: string[]) => results.reduce((total, result) => total + metric(text, result), 0);
      return { stored: sum(STORED), dropped: sum(DROPPED) };
    },
    async lastSeqs(fleet, devices) {
      const pipeline = redis.pipeline();
      for (let device = 0; device < devices; device += 1) {
        const name = deviceName(device);
        pipeline.lindex(windowKey(shardOf(fleet, name), fleet, name), -1);
      }
      // An entry begins with `received,late,count,n,seq,`.
      return ((await pipeline.exec()) ?? []).map(([, entry]) => Number(String(entry ?? '').split(',')[4]));
    },
    async stop() {
      redis.disconnect();
      await service.stop();
    },
  };
}

function metric(text: string, result: string): number {
  const line = new RegExp(`^lamplighter_telemetry_messages_total{[^}]*result="${result}"[^}]*} (\\S+)$`, 'm');
  return Number(line.exec(text)?.[1] ?? 0);
}

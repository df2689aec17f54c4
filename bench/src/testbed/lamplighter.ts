import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { shardOf, windowKey } from '@lamplighter/store/keys';
import { Redis } from 'ioredis';
import { deviceName } from '../load/readings.js';
import { freePort } from './free-port.js';
import type { Service, StartService } from './service.js';

/** Results of `lamplighter_telemetry_messages_total` for readings that are stored. */
const STORED = ['accepted', 'late'];
/** Results for readings that are not and will not be stored. */
const DROPPED = ['duplicate', 'stale', 'rejected', 'failed'];

/** Starts the rules service with its defaults and its bundled rule `light < 300`. */
export const lamplighter: StartService = async ({
  mqttUrl,
  redisUrl,
  folder,
  persistence,
}): Promise<Service> => {
  const service = launchService({
    name: 'rules',
    port: await freePort(),
    logFile: `${folder}/rules.log`,
    env: {
      PATH: process.env.PATH,
      MQTT_URL: mqttUrl,
      REDIS_URL: redisUrl,
      REDIS_DURABILITY: persistence === 'always' ? 'require' : 'warn',
      LOG_LEVEL: 'warn',
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
      const sum = (results: string[]) => results.reduce((total, result) => total + messages(text, result), 0);
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
};

function messages(metrics: string, result: string): number {
  const line = new RegExp(`^lamplighter_telemetry_messages_total{[^}]*result="${result}"[^}]*} (\\S+)$`, 'm');
  return Number(line.exec(metrics)?.[1] ?? 0);
}

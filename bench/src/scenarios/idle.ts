import { launchService, untilReady } from '@lamplighter/native/servers/service';
import { CROSSING_EVERY, PRODUCT } from '../results/goals.js';
import type { Sample } from '../results/sample.js';
import { freePort } from '../testbed/free-port.js';
import type { Generator } from '../testbed/generator.js';
import { FLEET, startServers } from '../testbed/servers.js';

const DEVICES = 50;
const REPORT_EVERY_SECONDS = 2;
const WARM_UP_SECONDS = 10;

/** CPU of rules, api and Redis while 50 devices report every two seconds. */
export async function idle(
  generator: Generator,
  { replicas, seconds, folder }: { replicas: number; seconds: number; folder: string },
): Promise<Sample> {
  const servers = await startServers(folder, 'off');
  const launch = async (name: 'rules' | 'api', logFile: string) =>
    launchService({
      name,
      port: await freePort(),
      logFile: `${folder}/${logFile}`,
      env: {
        PATH: process.env.PATH,
        REDIS_URL: servers.redisUrl,
        ...(name === 'rules' && { MQTT_URL: servers.mqttUrl }),
        REDIS_DURABILITY: 'warn',
        LOG_LEVEL: 'warn',
      },
    });
  const api = await launch('api', 'api.log');
  const rules = await Promise.all(
    Array.from({ length: replicas }, (_, replica) => launch('rules', `rules-${replica}.log`)),
  );
  try {
    await Promise.all([api, ...rules].map((service) => untilReady(service)));
    const toMs = (WARM_UP_SECONDS + seconds) * 1000;
    const { cpuSeconds, measuredSeconds, usage } = await generator.run({
      mqttUrl: servers.fleetUrl,
      fleet: FLEET,
      devices: DEVICES,
      connections: DEVICES,
      qos: 0,
      crossingEvery: CROSSING_EVERY,
      load: { stretches: [{ rate: DEVICES / REPORT_EVERY_SECONDS, seconds: WARM_UP_SECONDS + seconds }] },
      measureFromMs: WARM_UP_SECONDS * 1000,
      measureToMs: toMs,
      drainMs: 1000,
      pids: {
        api: api.pid,
        redis: servers.pids.redis,
        ...Object.fromEntries(rules.map(({ pid }, replica) => [`rules-${replica}`, pid])),
      },
    });
    const cores = (prefix: string) =>
      Object.entries(cpuSeconds)
        .filter(([name]) => name.startsWith(prefix))
        .reduce((sum, [, used]) => sum + used / measuredSeconds, 0);
    const [serviceCores, apiCores, redisCores] = [cores('rules-'), cores('api'), cores('redis')];
    return {
      scenario: 'idle',
      service: PRODUCT,
      replicas,
      figures: {
        serviceCores,
        apiCores,
        redisCores,
        cores: serviceCores + apiCores + redisCores,
        rssMb: Math.max(...(usage['rules-0'] ?? []).map(({ rssBytes }) => rssBytes)) / 1e6,
      },
    };
  } finally {
    await Promise.all([api, ...rules].map((service) => service.stop()));
    await servers.stop();
  }
}

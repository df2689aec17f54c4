import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Service, Surroundings } from './service.js';

const MAIN = fileURLToPath(new URL('../ceiling/main.js', import.meta.url));

/** Starts the stand-in without a store; see ceiling/main.ts. It keeps no last state. */
export async function startCeiling({ mqttUrl, fleet, qos }: Surroundings): Promise<Service> {
  const child = fork(MAIN, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { MQTT_URL: mqttUrl, FLEET: fleet, QOS: String(qos) },
  });
  await once(child.stdout!, 'data');
  return {
    pid: child.pid!,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    async counts() {
      child.send('counts?');
      const [received] = (await once(child, 'message')) as [number];
      return { stored: received, dropped: 0 };
    },
    lastSeqs: () => Promise.resolve(undefined),
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

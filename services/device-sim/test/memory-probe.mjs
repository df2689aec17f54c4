// Runs a fleet until it is connected and every outbox holds READINGS readings, then reports the memory in use.

import { setTimeout as wait } from 'node:timers/promises';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { simulatorConfig } from '../dist/config.js';
import { Simulator } from '../dist/fleet/simulator.js';

const simulator = new Simulator(simulatorConfig(), '0', createLogger('device-sim', 'silent'));
simulator.start();
while (simulator.readiness().length > 0) await wait(20);
const { devices, readings } = {
  devices: Number(process.env.DEVICES),
  readings: Number(process.env.READINGS),
};
while (
  (await simulator.metrics.registry.getSingleMetric('lamplighter_sim_outbox_readings')?.get())?.values[0]
    ?.value <
  devices * readings
) {
  await wait(50);
}
globalThis.gc?.();
await wait(200);
globalThis.gc?.();
const { rss, heapUsed, external } = process.memoryUsage();
process.send?.({ rss, used: heapUsed + external });

import { setTimeout as delay } from 'node:timers/promises';
import { startScenarioStack } from './stack.js';
import { Traffic } from './traffic.js';

/** Lamps, and the length of their day: three nights in a picture. */
const DEVICES = 400;
const ENV = {
  TELEMETRY: 'keep',
  DAY_SECONDS: '240',
  BURNT: '0.03',
  BURNT_WITHIN_SECONDS: '300',
  /** Shorter than the broker is away, so that lamps decide alone. */
  FALLBACK_SECONDS: '5',
  LOG_LEVEL: 'warn',
};

/** A stack that has lived through something. */
export interface ScenarioRun {
  readonly prometheusUrl: string;
  /** What the data is of, in words. */
  readonly source: string;
  stop(): Promise<void>;
}

/**
 * Starts a stack and lets it live for some minutes: somebody changes rules after a quarter of them, the broker is away for
 * twenty seconds in the middle, all lamps get a command at two thirds, one of two rules replicas dies at four fifths.
 */
export async function runScenario(minutes: number, log: (line: string) => void): Promise<ScenarioRun> {
  const stopped = new AbortController();
  const stack = await startScenarioStack(DEVICES, ENV);
  const traffic = new Traffic(stack, DEVICES, stopped.signal);
  traffic.start();
  const from = performance.now();
  const at = async (share: number, what: string) => {
    await delay(Math.max(0, from + share * minutes * 60_000 - performance.now()));
    log(`${new Date().toISOString().slice(11, 19)} ${what}`);
  };
  await at(0.25, 'somebody changes rules');
  await traffic.changeRules();
  await at(0.48, 'the broker is away for 20 s');
  await stack.stopBroker();
  await delay(20_000);
  await stack.startBroker();
  await at(0.68, 'a rollout to every lamp');
  await traffic.startRollout();
  await at(0.82, 'a replica of the rules service is killed, and started again after 15 s');
  stack.killSecondReplica();
  await delay(15_000);
  await stack.startSecondReplica();
  await at(1, 'the end');
  return {
    prometheusUrl: `http://127.0.0.1:${stack.ports.PROMETHEUS_PORT}`,
    source: `Data: a real Prometheus that watched ${DEVICES} simulated lamps, two rules replicas, a rule change, a broker restart, a rollout and a killed replica.`,
    async stop() {
      stopped.abort();
      await stack.stop();
    },
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import { startScenarioStack } from './stack.js';
import { Traffic } from './traffic.js';

/** Lamps. With the day below, a picture shows three nights. */
const DEVICES = 400;
const ENV = {
  TELEMETRY: 'keep',
  DAY_SECONDS: '240',
  BURNT: '0.03',
  BURNT_WITHIN_SECONDS: '300',
  /** Shorter than the broker outage, so that lamps use their edge rule. */
  FALLBACK_SECONDS: '5',
  LOG_LEVEL: 'warn',
};

/** A stack on which the scenario has run. */
export interface ScenarioRun {
  readonly prometheusUrl: string;
  /** The origin of the data, for the caption. */
  readonly source: string;
  stop(): Promise<void>;
}

/**
 * Starts a stack and runs a scenario: rules change after a quarter of the time, the broker is down for 20 s before the middle, a rollout
 * commands all lamps at two thirds, and one of two rules replicas is killed at four fifths.
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
  await at(0.25, 'changing rules');
  await traffic.changeRules();
  await at(0.48, 'stopping the broker for 20 s');
  await stack.stopBroker();
  await delay(20_000);
  await stack.startBroker();
  await at(0.68, 'starting a rollout to every lamp');
  await traffic.startRollout();
  await at(0.82, 'killing a rules replica for 15 s');
  stack.killSecondReplica();
  await delay(15_000);
  await stack.startSecondReplica();
  await at(1, 'done');
  return {
    prometheusUrl: `http://127.0.0.1:${stack.ports.PROMETHEUS_PORT}`,
    source: `Data: ${DEVICES} simulated lamps, two rules replicas, a rule change, a broker restart, a rollout and a killed replica.`,
    async stop() {
      stopped.abort();
      await stack.stop();
    },
  };
}

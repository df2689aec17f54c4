import { join } from 'node:path';
import type { Options, ServiceName } from './options.js';
import type { Plan } from './plan.js';
import { CROSSING_EVERY, PRODUCT, RARE_CROSSING_EVERY } from './results/goals.js';
import { medianOf, type Sample, type Scenario, select } from './results/sample.js';
import { commandCosts } from './scenarios/command-cost.js';
import { flood } from './scenarios/flood.js';
import { idle } from './scenarios/idle.js';
import { atFixedRates, flatOut } from './scenarios/rates.js';
import { restCommands } from './scenarios/rest/rest-commands.js';
import { findSustainedRates } from './scenarios/sustained-rate.js';
import type { Setting } from './scenarios/trial.js';
import { Generator } from './testbed/generator.js';
import { lamplighter } from './testbed/lamplighter.js';
import { peer } from './testbed/peer.js';
import type { StartService } from './testbed/service.js';
import { startTestbed, type Testbed } from './testbed/testbed.js';
import type { Qos } from './wire/packets.js';

/** Runs the scenarios of the plan that the options select. Stops everything that it started. */
export async function runBenchmark(
  options: Options,
  plan: Plan,
  { folder, log }: { folder: string; log: (line: string) => void },
): Promise<Sample[]> {
  const wants = (scenario: Scenario) => options.scenarios.includes(scenario);
  const generator = new Generator();
  const deadline = performance.now() + (plan.limitSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const samples: Sample[] = [];
  try {
    for (const qos of options.qos) {
      const { devices, connections, waitForCalm } = options;
      const { warmUpSeconds } = plan;
      const isPatient = waitForCalm && !options.quick;
      const setting = { generator, qos, devices, connections, warmUpSeconds, isPatient, deadline, log };
      const testbeds = await startTestbeds(options, qos, join(folder, `qos-${qos}`));
      try {
        samples.push(...(await compareServices(testbeds, setting, plan, options)));
      } finally {
        await Promise.all(testbeds.map((testbed) => testbed.stop()));
      }
    }
    for (const replicas of wants('idle') ? (plan.idle?.replicas ?? []) : []) {
      const { seconds } = plan.idle!;
      const sample = await idle(generator, { replicas, seconds, folder: join(folder, `idle-${replicas}`) });
      log(`idle, ${replicas} replicas: ${JSON.stringify(sample.figures)}`);
      samples.push(sample);
    }
    if (wants('rest') && plan.rest !== undefined)
      samples.push(...(await restCommands(plan.rest, join(folder, 'rest'), log)));
    return samples;
  } finally {
    generator.stop();
  }
}

function startTestbeds({ services, persistence }: Options, qos: Qos, folder: string): Promise<Testbed[]> {
  const starter = (name: ServiceName): StartService => (name === PRODUCT ? lamplighter : peer(name));
  return Promise.all(
    services.map((name) =>
      startTestbed({ name, start: starter(name), qos, persistence, folder: join(folder, name) }),
    ),
  );
}

/** The scenarios that compare services at one QoS. */
async function compareServices(
  testbeds: readonly Testbed[],
  setting: Setting,
  plan: Plan,
  { scenarios, capacity }: Options,
): Promise<Sample[]> {
  const wants = (...any: Scenario[]) => any.some((scenario) => scenarios.includes(scenario));
  const samples: Sample[] = [];
  if (wants('flat-out', 'fixed-rate', 'command', 'sustained', 'flood'))
    await flatOut(testbeds, setting, {
      crossingEvery: CROSSING_EVERY,
      seconds: plan.compileSeconds,
      repeats: 1,
    });

  if (wants('flat-out')) {
    for (const crossingEvery of plan.flatOut.crossings)
      samples.push(...(await flatOut(testbeds, setting, { ...plan.flatOut, crossingEvery })));
  }
  if (wants('fixed-rate'))
    samples.push(
      ...(await atFixedRates(testbeds, setting, { ...plan.fixedRate, crossingEvery: CROSSING_EVERY })),
    );
  if (wants('command')) samples.push(...(await commands(testbeds, setting, plan, samples)));
  if (wants('sustained') && plan.sustained !== undefined)
    samples.push(...(await findSustainedRates(testbeds, setting, plan.sustained)));
  if (wants('flood') && plan.flood !== undefined) {
    for (const testbed of testbeds) {
      const rate = 2 * (capacity ?? capacityOf(samples, testbed.name));
      if (rate > 0) samples.push(await flood(testbed, setting, { rate, ...plan.flood }));
    }
  }
  // At the end, because devices that have published a birth must acknowledge commands from then on.
  if (wants('command')) {
    const product = testbeds.filter(({ name }) => name === PRODUCT);
    samples.push(...(await commands(product, { ...setting, acknowledges: true }, plan, [])));
  }
  return samples;
}

/** The cost of a command, one at a time and flat out. @param measured flat-out samples to use instead of new ones */
async function commands(
  testbeds: readonly Testbed[],
  setting: Setting,
  { command, flatOut: busy }: Plan,
  measured: readonly Sample[],
): Promise<Sample[]> {
  if (command === undefined) return [];
  const { rate, ...repeated } = command;
  const alone = (crossingEvery: number) =>
    atFixedRates(testbeds, setting, { ...repeated, rates: [rate], crossingEvery });
  const underLoad = async (crossingEvery: number) => {
    const known = select(measured, { scenario: 'flat-out', crossingEvery });
    return known.length > 0 ? known : flatOut(testbeds, setting, { ...busy, crossingEvery });
  };
  const acknowledged = setting.acknowledges === true;
  return [
    ...commandCosts(await alone(1), await alone(RARE_CROSSING_EVERY), acknowledged),
    ...commandCosts(await underLoad(CROSSING_EVERY), await underLoad(RARE_CROSSING_EVERY), acknowledged),
  ];
}

/** The sustained rate, or else the flat-out rate; 0 if neither was measured. */
function capacityOf(samples: readonly Sample[], service: string): number {
  const rate = (scenario: Scenario) =>
    medianOf(samples, { scenario, service, crossingEvery: CROSSING_EVERY }, 'perSecond');
  return Math.round(rate('sustained') ?? rate('flat-out') ?? 0);
}

import type { Sample } from '../results/sample.js';
import type { Testbed } from '../testbed/testbed.js';
import { fixedLoad, measure, type Setting, sampleOf, summaryOf, type TrialLoad } from './trial.js';

/** How long, and how many times every service is measured under a load. */
export interface Repeated {
  readonly seconds: number;
  readonly repeats: number;
}

/** Loops, CPU and memory at each rate. */
export async function atFixedRates(
  testbeds: readonly Testbed[],
  setting: Setting,
  { rates, crossingEvery, seconds, repeats }: Repeated & { rates: readonly number[]; crossingEvery: number },
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const rate of rates) {
    const load = fixedLoad(setting, rate, seconds, crossingEvery);
    const conditions = { scenario: 'fixed-rate', qos: setting.qos, rate, crossingEvery } as const;
    samples.push(...(await interleave(testbeds, repeats, setting, load, conditions)));
  }
  return samples;
}

/** Rate and CPU of services that always have work. */
export async function flatOut(
  testbeds: readonly Testbed[],
  setting: Setting,
  { crossingEvery, seconds, repeats }: Repeated & { crossingEvery: number },
): Promise<Sample[]> {
  const fromMs = setting.warmUpSeconds * 1000;
  const load: TrialLoad = {
    load: { seconds: setting.warmUpSeconds + seconds, inFlight: FLAT_OUT_IN_FLIGHT },
    crossingEvery,
    measureFromMs: fromMs,
    measureToMs: fromMs + seconds * 1000,
  };
  const conditions = { scenario: 'flat-out', qos: setting.qos, crossingEvery } as const;
  return interleave(testbeds, repeats, setting, load, conditions);
}

/** Enough for large batches; a quarter of what the broker queues for a client. */
const FLAT_OUT_IN_FLIGHT = 5000;

/** The services take turns, and the order alternates, so that a slow minute of the machine affects all of them. */
async function interleave(
  testbeds: readonly Testbed[],
  repeats: number,
  setting: Setting,
  load: TrialLoad,
  conditions: Omit<Sample, 'service' | 'figures'>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const testbed of repeat % 2 === 0 ? testbeds : testbeds.toReversed()) {
      if (performance.now() > setting.deadline) return samples;
      const sample = sampleOf(await measure(testbed, setting, load), conditions);
      setting.log(summaryOf(sample));
      samples.push(sample);
    }
  }
  return samples;
}

import { type Interval, intervalOf } from './interval.js';
import { POLICIES } from './policies.js';
import type { Scenario } from './scenarios.js';
import { type Outcome, runTrial } from './trial.js';

/** The results of a policy over all seeds of a scenario, for one field size. */
export interface Result {
  readonly scenario: string;
  readonly sensors: number;
  readonly policy: string;
  readonly falseOnMinutes: Interval;
  readonly missedMinutes: Interval;
  readonly switches: Interval;
}

/** Runs every scenario with every size and seed. The results depend only on the arguments. */
export function runExperiment(
  scenarios: readonly Scenario[],
  sizes: readonly number[],
  seeds: number,
  progress: (done: string) => void = () => undefined,
): Result[] {
  const results: Result[] = [];
  for (const { name: scenario, faults } of scenarios) {
    for (const sensors of sizes) {
      const trials = Array.from({ length: seeds }, (_, seed) => runTrial(faults, sensors, seed + 1));
      for (const [i, { name: policy }] of POLICIES.entries()) {
        const over = (what: keyof Outcome) => intervalOf(trials.map((outcomes) => outcomes[i]![what]));
        results.push({
          scenario,
          sensors,
          policy,
          falseOnMinutes: over('falseOnMinutes'),
          missedMinutes: over('missedMinutes'),
          switches: over('switches'),
        });
      }
      progress(`${scenario}, ${sensors} sensors`);
    }
  }
  return results;
}

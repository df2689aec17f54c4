import { CROSSING_EVERY, RARE_CROSSING_EVERY, RATES } from './results/goals.js';
import type { RestPlan } from './scenarios/rest/rest-commands.js';
import type { SearchPlan } from './scenarios/sustained-rate.js';

/** How much is measured in each scenario; a missing part is left out. */
export interface Plan {
  /** Load before the measured time of each trial. */
  readonly warmUpSeconds: number;
  /** Flat-out load for each service before the first trial, for its compiler. */
  readonly compileSeconds: number;
  readonly flatOut: {
    readonly crossings: readonly number[];
    readonly seconds: number;
    readonly repeats: number;
  };
  readonly fixedRate: {
    readonly rates: readonly number[];
    readonly seconds: number;
    readonly repeats: number;
  };
  /** Single commands at this rate. */
  readonly command?: { readonly rate: number; readonly seconds: number; readonly repeats: number };
  readonly sustained?: SearchPlan;
  readonly flood?: { readonly seconds: number };
  readonly idle?: { readonly replicas: readonly number[]; readonly seconds: number };
  readonly rest?: RestPlan;
  /** No trial starts later than this, seconds. */
  readonly limitSeconds?: number;
}

/** Replaces the length and the number of trials. */
export function withOverrides(
  plan: Plan,
  { seconds, repeats }: { seconds: number | undefined; repeats: number | undefined },
): Plan {
  const change = <T extends { seconds: number; repeats?: number }>(part: T): T => ({
    ...part,
    ...(seconds !== undefined && { seconds }),
    ...(repeats !== undefined && part.repeats !== undefined && { repeats }),
  });
  const { flatOut, fixedRate, command, sustained, flood, idle, rest } = plan;
  return {
    ...plan,
    flatOut: change(flatOut),
    fixedRate: change(fixedRate),
    ...(command && { command: change(command) }),
    ...(sustained && { sustained: change(sustained) }),
    ...(flood && { flood: change(flood) }),
    ...(idle && { idle: change(idle) }),
    ...(rest && { rest: change(rest) }),
  };
}

/** About 95 minutes with four services and both QoS. */
export const FULL: Plan = {
  warmUpSeconds: 2,
  compileSeconds: 8,
  flatOut: { crossings: [CROSSING_EVERY, RARE_CROSSING_EVERY], seconds: 8, repeats: 3 },
  fixedRate: { rates: RATES, seconds: 12, repeats: 3 },
  command: { rate: 100, seconds: 12, repeats: 3 },
  sustained: { start: 10_000, growth: 1.5, refine: 1.1, resolution: 1.05, seconds: 8, repeats: 2 },
  flood: { seconds: 15 },
  idle: { replicas: [1, 4], seconds: 40 },
  rest: { connections: [16, 32, 64], seconds: 8, devices: 2000, roundTrips: 500 },
};

/** At most two minutes with three services and both QoS. */
export const QUICK: Plan = {
  warmUpSeconds: 1,
  compileSeconds: 1,
  flatOut: { crossings: [CROSSING_EVERY], seconds: 3, repeats: 1 },
  fixedRate: { rates: [1000], seconds: 2, repeats: 1 },
  limitSeconds: 90,
};

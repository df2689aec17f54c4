import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { type Vote, voteOf } from '@lamplighter/evaluation/quorum/quorum';
import { evaluateGroup, type GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type Faults, Field, TICK_MS, TICKS } from './field.js';
import { isDark, POLICIES } from './policies.js';

/** The result of one policy on one day. */
export interface Outcome {
  /** Minutes with the lights on by day, and off in the dark. */
  readonly falseOnMinutes: number;
  readonly missedMinutes: number;
  /** Number of switches; a perfect policy needs two. */
  readonly switches: number;
}

/** Start of the simulated day, so that no time is 0. */
const MIDNIGHT = 1_000_000_000_000;
const MINUTES_PER_TICK = TICK_MS / 60_000;

/** Simulates a day: in each tick all sensors report, then all policies decide. The outcomes are in the order of POLICIES. */
export function runTrial(faults: Faults, sensors: number, seed: number): Outcome[] {
  const field = new Field(seed, sensors, faults);
  const deciders = POLICIES.map(({ ruleFor }) => deciderOf(ruleFor(sensors)));
  const scores = POLICIES.map(() => ({
    falseOn: 0,
    missed: 0,
    switches: 0,
    isOn: undefined as boolean | undefined,
  }));
  const lights: (number | undefined)[] = Array.from({ length: sensors });
  let dark = true;
  for (let tick = 0; tick < TICKS; tick += 1) {
    dark = isDark(field.truth(tick), dark);
    for (let sensor = 0; sensor < sensors; sensor += 1) lights[sensor] = field.reading(sensor, tick);
    for (const [i, decide] of deciders.entries()) {
      const isOn = decide(lights, MIDNIGHT + tick * TICK_MS);
      const score = scores[i]!;
      if (isOn && !dark) score.falseOn += 1;
      if (!isOn && dark) score.missed += 1;
      if (score.isOn !== undefined && score.isOn !== isOn) score.switches += 1;
      score.isOn = isOn;
    }
  }
  return scores.map(({ falseOn, missed, switches }) => ({
    falseOnMinutes: falseOn * MINUTES_PER_TICK,
    missedMinutes: missed * MINUTES_PER_TICK,
    switches,
  }));
}

/** Evaluates the current reading of each sensor; returns whether the lights are on. */
type Decider = (lights: readonly (number | undefined)[], now: number) => boolean;

function deciderOf(rule: CompiledRule): Decider {
  return rule.quorum === undefined ? firstSensor(rule) : wholeGroup(rule);
}

function firstSensor(rule: CompiledRule): Decider {
  const device = { address: { fleet: 'lab', device: 's-0' }, acknowledges: true, lesson: false };
  let state: RuleState | undefined;
  return ([light], now) => {
    if (light !== undefined) {
      const observation = { trigger: 'reading', reading: { light }, ageMs: 0, heardAt: now } as const;
      state = evaluate(rule, state, observation, device, now).state;
    }
    return state?.raised ?? false;
  };
}

function wholeGroup(rule: CompiledRule): Decider {
  const votes: Vote[] = [];
  /** Position of each sensor's vote among the votes. */
  const places: number[] = [];
  let state: GroupState | undefined;
  return (lights, now) => {
    for (let sensor = 0; sensor < lights.length; sensor += 1) {
      const light = lights[sensor];
      if (light === undefined) continue;
      const place = places[sensor] ?? votes.length;
      places[sensor] = place;
      const before = votes[place];
      const device = before?.device ?? `s-${sensor}`;
      const vote = voteOf(rule, before?.value === 1, { reading: { light } });
      votes[place] = { device, value: Number(vote), receivedAt: now, since: rule.since };
    }
    const moment = { fleet: 'lab', trigger: 'reading', now, listeningSince: MIDNIGHT } as const;
    state = evaluateGroup(rule, state, votes, moment)?.state ?? state;
    return state?.rule?.raised ?? false;
  };
}

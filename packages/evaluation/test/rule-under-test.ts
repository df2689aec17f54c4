import type { DeviceFacts, Observation } from '../src/context/evaluation-context.js';
import type { RuleState } from '../src/context/rule-state.js';
import type { Trace } from '../src/context/trace.js';
import { evaluate } from '../src/evaluate/evaluate.js';
import { explain, obstacles } from '../src/explanation/explain.js';
import { validateRule } from '../src/explanation/validate-rule.js';
import { type CompiledRule, compileRule } from '../src/rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../src/rule/rule.js';

export const START = Date.UTC(2026, 5, 1, 12);

const address = { fleet: 'demo', device: 'lamp-1' };
export const acknowledging: DeviceFacts = { address, acknowledges: true, lesson: false };
export const silent: DeviceFacts = { address, acknowledges: false, lesson: false };
export const lesson: DeviceFacts = { address, acknowledges: false, lesson: true };

/** States that began a minute before `START`. */
export const lowered: RuleState = { since: 1, raised: false, at: START - 60_000, emittedAt: START - 60_000 };
export const raised: RuleState = { ...lowered, raised: true };

/** The night-light rule as a document, with changes. */
function documentOf(changes: object = {}): object {
  const condition = !('absence' in changes) || changes.absence === undefined ? { when: 'light < 300' } : {};
  return { id: 'night-light', ...condition, then: { led_on: true }, else: { led_on: false }, ...changes };
}

/** The night-light rule with changes, compiled. */
export function ruleOf(changes: Partial<RuleInput> = {}, since = 1): CompiledRule {
  return compileRule(ruleSchema.parse(documentOf(changes)), since, since);
}

/** The problems in the night-light rule with changes: `/when: unknown name 'lihgt', did you mean 'light'?` */
export function problemsOf(changes: object): string[] {
  return validateRule(documentOf(changes)).problems.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

/** The result of each clause on one observation at `START`. */
export function traceOf(
  changes: Partial<RuleInput>,
  state: RuleState | undefined,
  observed: Partial<Observation> = {},
): Trace {
  const trace: Trace = [];
  const observation: Observation = {
    trigger: 'reading',
    reading: { light: 212 },
    ageMs: 200,
    heardAt: START,
    ...observed,
  };
  evaluate(ruleOf(changes), state, observation, acknowledging, START, trace);
  return trace;
}

/** Explains what stopped the evaluation. */
export function obstaclesOf(...args: Parameters<typeof traceOf>): string[] {
  return explain(obstacles(traceOf(...args)));
}

/** A reading and its second since `START`; a number is the value of `light`. */
export type Step = readonly [second: number, reading: number | Record<string, number | boolean>];

/** Readings of `light` at a fixed interval. */
export function every(seconds: number, lights: readonly number[]): Step[] {
  return lights.map((light, i) => [i * seconds, light]);
}

/**
 * The commands of a rule for a series of readings and the timers that it sets: `+` raises, `-` lowers, then the second and the reason,
 * unless that is `change`. Example: `+0first -4 +7`.
 * @param until the latest time at which a timer may fire, seconds
 * @param age of each reading, seconds
 */
export function commandsOf(
  changes: Partial<RuleInput>,
  steps: readonly Step[],
  { device = acknowledging, until = 0, age = 0 } = {},
): string {
  const rule = ruleOf(changes);
  const commands: string[] = [];
  let state: RuleState | undefined;
  let wakeAt: number | undefined;
  let heardAt = START;
  let reading: Observation['reading'] = {};
  const evaluateAt = (now: number, trigger: 'reading' | 'timer') => {
    const observation = { trigger, reading, ageMs: now - heardAt + age * 1000, heardAt };
    const evaluated = evaluate(rule, state, observation, device, now);
    ({ state, wakeAt } = evaluated);
    if (wakeAt !== undefined && wakeAt <= now) throw new Error(`the timer is not in the future: ${wakeAt}`);
    if (evaluated.emit === undefined) return;
    const reason = evaluated.reason === 'change' ? '' : evaluated.reason;
    commands.push(`${evaluated.raise ? '+' : '-'}${(now - START) / 1000}${reason}`);
  };
  const fireTimers = (to: number) => {
    while (wakeAt !== undefined && wakeAt <= to) evaluateAt(wakeAt, 'timer');
  };
  for (const [second, values] of steps) {
    const now = START + second * 1000;
    fireTimers(now);
    heardAt = now;
    reading = typeof values === 'number' ? { light: values } : values;
    evaluateAt(now, 'reading');
  }
  fireTimers(START + until * 1000);
  return commands.join(' ');
}

import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { evaluate } from '../evaluate/evaluate.js';
import { compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { explain, obstacles } from './explain.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const device: DeviceFacts = {
  address: { fleet: 'demo', device: 'lamp-1' },
  answers: true,
  lesson: false,
};
const lowered: RuleState = { since: 1, raised: false, at: NOW - 60_000, emittedAt: NOW - 60_000 };
const raised: RuleState = { ...lowered, raised: true };

function traceOf(
  input: Partial<RuleInput>,
  state: RuleState | undefined,
  observed: Partial<Observation>,
): Trace {
  const condition = input.absence === undefined ? { when: 'light < 300' } : {};
  const whole = { id: 'r', ...condition, then: { led_on: true }, else: { led_on: false }, ...input };
  const trace: Trace = [];
  const rule = compileRule(ruleSchema.parse(whole), 1, 1);
  const observation: Observation = {
    trigger: 'reading',
    reading: { light: 212 },
    ageMs: 200,
    heardAt: NOW,
    ...observed,
  };
  evaluate(rule, state, observation, device, NOW, trace);
  return trace;
}

describe('an explanation', () => {
  it('tells a command in plain sentences', () => {
    const held = { ...lowered, held: NOW - 12_000, raisedAt: NOW - 300_000 };
    expect(explain(traceOf({ hold: '10s', cooldown: '1m' }, held, {}))).toEqual([
      'the reading was 200 ms old, 30 s are allowed',
      'light was 212, below 300: "light < 300" held',
      'the other verdict had lasted for 12 s, at least 10 s (hold)',
      'the last raise was 5 min ago, longer than the cooldown of 60 s',
      'the rule was raised, so {"led_on":true} was commanded',
    ]);
  });

  it.each<[string, Partial<RuleInput>, RuleState | undefined, Partial<Observation>, string]>([
    [
      'a condition',
      {},
      lowered,
      { reading: { light: 412 } },
      'light was 412, above 300: "light < 300" did not hold',
    ],
    [
      'a limit met',
      {},
      lowered,
      { reading: { light: 300 } },
      'light was 300, equal to 300: "light < 300" did not hold',
    ],
    ['nothing to judge', {}, lowered, { reading: {} }, '"light < 300" was undecided: light is missing'],
    [
      'age',
      {},
      lowered,
      { ageMs: 31_000 },
      'the reading was 31 s old, too old for the 30 s that are allowed',
    ],
    ['disabled', { enabled: false }, lowered, {}, 'the rule was disabled'],
    [
      'hold',
      { hold: '10s' },
      { ...lowered, held: NOW - 4000 },
      {},
      'the other verdict had lasted for 4 s of 10 s (hold)',
    ],
    ['dwell', { dwell: '5m' }, lowered, {}, 'the verdict had stood for 60 s of 5 min (dwell)'],
    [
      'cooldown',
      { cooldown: '1m' },
      { ...lowered, raisedAt: NOW - 46_000 },
      {},
      'cooldown: 14 s of 60 s were left',
    ],
    [
      'quiet hours',
      { quiet: { from: '13:00', to: '15:00', timeZone: 'Europe/Berlin' } },
      lowered,
      {},
      'it was in the quiet hours, 13:00 to 15:00 Europe/Berlin, which end at 2026-06-01T13:00:00.000Z',
    ],
    [
      'settling',
      { settle: '5m' },
      lowered,
      {},
      'things were still settling: 59.8 s of 5 min since the last command',
    ],
    [
      'a deadband',
      { deadband: { of: 'light', by: 20 } },
      { ...lowered, band: 205 },
      {},
      'it had moved by 7 since it was last evaluated, less than 20, so the reading was skipped',
    ],
    [
      'silence',
      { absence: { after: '5m' } },
      lowered,
      { heardAt: NOW - 30_000 },
      'the device had been silent for 30 s; 5 min are needed',
    ],
    ['a failure', { when: '1 / (light - 212) > 0' }, lowered, {}, 'the rule failed: divides by zero'],
  ])('names the obstacle: %s', (_what, input, state, observed, sentence) => {
    const trace = traceOf(input, state, observed);
    expect(explain(obstacles(trace))).toEqual([sentence]);
  });

  it('names what keeps it raised', () => {
    const kept = (input: Partial<RuleInput>, light: number) =>
      obstacles(traceOf(input, raised, { reading: { light } }), true).map(({ clause }) => clause);
    expect(kept({}, 212)).toEqual(['when']);
    expect(kept({ dwell: '5m' }, 400)).toEqual(['dwell']);
    expect(kept({ clear: 'light > 330' }, 310)).toEqual(['clear']);
    expect(kept({ clear: 'light > 330', hold: '10s' }, 340)).toEqual(['hold']);
  });

  it('names a run that would take no time', () => {
    const run = { seconds: '(200 - light) / 10', max: '1m' };
    expect(explain(obstacles(traceOf({ run }, { ...lowered, at: NOW - 600_000 }, {})))).toEqual([
      '"(200 - light) / 10" came to -1.2: light was 212; that is no time to run',
    ]);
  });

  it('does not say that the verdict was lowered before there was any', () => {
    expect(explain(traceOf({ hold: '10s' }, undefined, {})).at(-1)).toBe(
      'nothing was commanded: nothing had been decided yet',
    );
  });

  it('says of a trial what would be commanded', () => {
    const trace = traceOf({}, undefined, { reading: { light: 212 } });
    expect(explain(trace, 'would be').at(-1)).toBe(
      'this was the first verdict: raised, so {"led_on":true} would be commanded',
    );
    expect(explain(traceOf({ hold: '10s' }, undefined, {}), 'would be').at(-1)).toBe(
      'nothing would be commanded: nothing had been decided yet',
    );
  });

  it('takes what every object has for no measurement', () => {
    expect(explain(traceOf({ when: 'constructor > 3 || toString == "a"' }, lowered, {}))[1]).toBe(
      '"constructor > 3 || toString == "a"" was undecided: constructor, toString are missing',
    );
  });

  it('names all limits that are in the way at once', () => {
    const trace = traceOf({ dwell: '5m', cooldown: '5m' }, { ...lowered, raisedAt: NOW - 90_000 }, {});
    expect(obstacles(trace).map(({ clause }) => clause)).toEqual(['dwell', 'cooldown']);
  });

  it('tells why a raised rule is not lowered, and that there was nothing to say', () => {
    const trace = traceOf({ clear: 'light > 330' }, raised, { reading: { light: 310 } });
    expect(explain(trace).slice(1)).toEqual([
      'light was 310, below 330: "light > 330" did not hold',
      'nothing was commanded: the rule had been raised for 60 s',
    ]);
  });

  it('names windows and the last reading by their values', () => {
    const window = { avg: () => 312.4 } as unknown as Observation['window'];
    const when = 'window.avg("light", "10m") > 300 && light > last.light + 50';
    const [, sentence] = explain(traceOf({ when }, lowered, { window, last: { light: 200 } }));
    expect(sentence).toBe(
      `"${when}" did not hold: light was 212, last.light was 200, avg(light,10m) was 312.4`,
    );
  });
});

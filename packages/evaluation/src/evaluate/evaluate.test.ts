import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { evaluate } from './evaluate.js';

const START = Date.UTC(2026, 5, 1, 12);
const address = { fleet: 'demo', device: 'lamp-1' };
const answering: DeviceFacts = { address, answers: true, lesson: false };
const mute: DeviceFacts = { address, answers: false, lesson: false };
const lesson: DeviceFacts = { address, answers: false, lesson: true };

function ruleOf(input: Partial<RuleInput>, since = 1) {
  const condition = input.absence === undefined ? { when: 'light < 300' } : {};
  const whole = { id: 'r', ...condition, then: { led_on: true }, else: { led_on: false }, ...input };
  return compileRule(ruleSchema.parse(whole), since, since);
}

/** A reading, and when it is judged: seconds from the start. A number is its light. */
type Step = readonly [second: number, reading: number | Record<string, number | boolean>];

/**
 * What a rule commands on a series of readings, woken when it asks for it: `+` raises, `-` lowers, with the second, and the reason
 * if it is not an ordinary change.
 */
function story(
  input: Partial<RuleInput> | ReturnType<typeof ruleOf>,
  steps: readonly Step[],
  { device = answering, until = 0, age = 0 } = {},
): string {
  const rule = 'maxAgeMs' in input ? input : ruleOf(input as Partial<RuleInput>);
  const told: string[] = [];
  let state: RuleState | undefined;
  let wakeAt: number | undefined;
  let heardAt = START;
  let reading: Observation['reading'] = {};
  const judge = (trigger: 'reading' | 'timer', now: number) => {
    const observation = { trigger, reading, ageMs: now - heardAt + age * 1000, heardAt };
    const judged = evaluate(rule, state, observation, device, now);
    state = judged.state;
    wakeAt = judged.wakeAt;
    if (wakeAt !== undefined && wakeAt <= now) throw new Error('wants to be woken in the past');
    if (judged.emit === undefined) return;
    const reason = judged.reason === 'change' ? '' : judged.reason;
    told.push(`${judged.raise ? '+' : '-'}${(now - START) / 1000}${reason}`);
  };
  const wait = (to: number) => {
    while (wakeAt !== undefined && wakeAt <= to) judge('timer', wakeAt);
  };
  for (const [second, values] of steps) {
    const now = START + second * 1000;
    wait(now);
    heardAt = now;
    reading = typeof values === 'number' ? { light: values } : values;
    judge('reading', now);
  }
  wait(START + until * 1000);
  return told.join(' ');
}

const every = (seconds: number, lights: readonly number[]): Step[] =>
  lights.map((light, i) => [i * seconds, light]);

describe('the night-light rule', () => {
  it('tells the lamp its state on the first reading, and then only when it changes', () => {
    expect(story({}, every(1, [299, 0, 300, 1023, 299]))).toBe('+0first -2 +4');
  });

  it('answers every reading in mode "every"', () => {
    expect(story({ mode: 'every' }, every(1, [299, 299, 300, 300]))).toBe('+0first +1every -2 -3every');
  });

  it("answers every reading of the lesson's device, as the lesson's server does", () => {
    expect(story({}, every(1, [412, 412, 12]), { device: lesson })).toBe('-0first -1every +2');
  });

  it('says nothing and forgets nothing when a reading does not tell the light', () => {
    const steps: Step[] = [
      [0, 299],
      [1, { other: 1 }],
      [2, 299],
      [3, { other: 1 }],
      [4, 300],
    ];
    expect(story({}, steps)).toBe('+0first -4');
  });

  it('commands nothing when it is lowered, if it does not say what', () => {
    expect(story({ else: undefined }, every(1, [400, 200, 400, 200]))).toBe('+1 +3');
  });

  it('does nothing while it is disabled', () => {
    expect(story({ enabled: false }, every(1, [200, 400]))).toBe('');
  });

  it('keeps the very same state object when nothing changed, so that nothing is written', () => {
    const state: RuleState = { since: 1, raised: true, at: START, emittedAt: START };
    const observation: Observation = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START };
    expect(evaluate(ruleOf({}), state, observation, answering, START + 1).state).toBe(state);
  });

  it('begins anew when the rule got another meaning', () => {
    const state: RuleState = { since: 1, raised: true, at: START, emittedAt: START };
    const observation: Observation = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START };
    expect(evaluate(ruleOf({}, 2), state, observation, answering, START + 1)).toMatchObject({
      raise: true,
      reason: 'first',
      state: { since: 2 },
    });
  });
});

describe('hysteresis', () => {
  const rule = { when: 'light < 300', clear: 'light > 330' };

  it.each([
    ['stays as it is between the limits', [299, 310, 330, 329, 331, 310, 300, 299], '+0first -4 +7'],
    ['begins lowered between the limits', [310, 320, 299], '-0first +2'],
  ])('%s', (_what, lights, told) => {
    expect(story(rule, every(1, lights))).toBe(told);
  });

  it('raises nothing where both hold, so that a constant reading cannot make it flap', () => {
    expect(story({ when: 'light < 300', clear: 'light > 200' }, every(1, [250, 250, 250]))).toBe('-0first');
  });
});

describe('time', () => {
  it('does not judge a reading that is too old', () => {
    expect(story({ maxAge: '30s' }, every(1, [200]), { age: 31 })).toBe('');
    expect(story({ maxAge: '30s' }, every(1, [200]), { age: 30 })).toBe('+0first');
  });

  it('waits until the other verdict has held, and then does not wait for a reading', () => {
    const steps: Step[] = [
      [0, 400],
      [5, 200],
      [8, 400],
      [10, 200],
      [19, 200],
    ];
    expect(story({ hold: '10s' }, steps, { until: 60 })).toBe('-0first +20');
  });

  it('holds the first raise too', () => {
    expect(story({ hold: '10s' }, every(4, [200, 200, 200, 200]), { until: 60 })).toBe('+10first');
    expect(story({ hold: '10s' }, every(4, [200, 200, 400]))).toBe('-8first');
  });

  it('believes what has lasted until the reading grew old, though the timer comes a moment late', () => {
    const light = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START } as const;
    const late = (input: Partial<RuleInput>, seconds: number) => {
      const rule = ruleOf({ hold: '30s', ...input });
      const { state } = evaluate(rule, undefined, light, answering, START);
      const now = START + seconds * 1000;
      return evaluate(rule, state, { ...light, trigger: 'timer', ageMs: now - START }, answering, now);
    };
    expect(late({}, 30.25)).toMatchObject({ raise: true, reason: 'first' });
    expect(late({}, 31.25)).toMatchObject({ emit: undefined, state: { held: undefined } });
    expect(late({ quiet: { from: '11:00', to: '13:00' } }, 30.25)).toMatchObject({ emit: undefined });
    const aMinute = { from: '12:00', to: '12:01' };
    expect(late({ quiet: aMinute, maxAge: '60s' }, 60.25)).toMatchObject({ raise: true });
    expect(late({ quiet: aMinute, maxAge: '59s' }, 60)).toMatchObject({ emit: undefined });
  });

  it('does not take silence for lasting', () => {
    const steps: Step[] = [
      [0, 400],
      [5, 200],
      [60, 200],
    ];
    expect(story({ hold: '40s', maxAge: '30s' }, steps, { until: 80 })).toBe('-0first');
    expect(story({ hold: '40s', maxAge: '1h' }, steps, { until: 80 })).toBe('-0first +45');
  });

  it('keeps a verdict for as long as it has to dwell', () => {
    expect(story({ dwell: '10s' }, every(4, [200, 400, 400, 400]), { until: 60 })).toBe('+0first -10');
  });

  it('does not keep the first verdict waiting for a dwell: there was none before it', () => {
    expect(story({ hold: '2s', dwell: '10s' }, every(1, [200, 200, 200, 200]), { until: 20 })).toBe(
      '+2first',
    );
  });

  it('keeps its distance between raises', () => {
    expect(story({ cooldown: '20s' }, every(5, [200, 400, 200, 200, 400, 200, 200]), { until: 60 })).toBe(
      '+0first -5 +20 -20 +40',
    );
  });

  it('lets things settle after a command, and does not judge later what was measured meanwhile', () => {
    expect(story({ settle: '10s' }, every(4, [200, 400, 400, 400, 400]), { until: 60 })).toBe('+0first -12');
    expect(
      story(
        { settle: '10s' },
        [
          [0, 200],
          [9, 400],
        ],
        { until: 20 },
      ),
    ).toBe('+0first');
  });

  it('asks again only for what has moved', () => {
    const deadband = { of: 'light', by: 20 };
    expect(story({ deadband }, every(1, [295, 305, 290, 310, 316, 297, 296]))).toBe('+0first -4 +6');
  });

  it('goes on holding while readings do not move', () => {
    const deadband = { of: 'light', by: 20 };
    const steps: Step[] = [
      [0, 400],
      [1, 290],
      [5, 301],
      [9, 285],
    ];
    expect(story({ deadband, hold: '10s' }, steps, { until: 60 })).toBe('-0first +11');
  });

  it('does not raise in quiet hours, lowers in them, and raises when they end', () => {
    const quiet = { from: '12:00', to: '12:01' };
    expect(story({ quiet }, every(20, [200, 200, 200]), { until: 100 })).toBe('+60first');
    const later = { from: '12:01', to: '12:02' };
    expect(story({ quiet: later }, every(20, [200, 200, 200, 400, 200]), { until: 125 })).toBe('+0first -60');
    expect(story({ quiet: later }, every(20, [200, 200, 200, 400, 200, 200]), { until: 125 })).toBe(
      '+0first -60 +120',
    );
  });
});

describe('absence', () => {
  const absence = { after: '30s' };

  it('raises once when a device falls silent, without a reading, and lowers when it is heard', () => {
    expect(
      story(
        { absence },
        [
          [0, 1],
          [20, 1],
          [45, 1],
          [100, 1],
        ],
        { until: 300 },
      ),
    ).toBe('+75 -100 +130');
  });

  it('lasts until the device is heard, also where nobody listened for a while', () => {
    const rule = ruleOf({ absence });
    const heardAt = START - 3_600_000;
    const lasting: RuleState = {
      since: 1,
      raised: true,
      at: START - 3_000_000,
      emittedAt: START - 3_000_000,
    };
    const woken = (state: RuleState, seconds: number) => {
      const now = START + seconds * 1000;
      const observation = {
        trigger: 'timer',
        reading: {},
        ageMs: 0,
        heardAt,
        listeningSince: START,
      } as const;
      const trace: Trace = [];
      return { ...evaluate(rule, state, observation, answering, now, trace), trace };
    };
    expect(woken(lasting, 10)).toMatchObject({ emit: undefined, state: lasting });
    expect(woken(lasting, 10).trace[0]).toMatchObject({ passes: true, amount: 3_610_000 });
    // One that has been told, and whose run is over, is not told again.
    const told: RuleState = { since: 1, raised: false, at: START - 2_000_000, raisedAt: START - 3_000_000 };
    expect(woken(told, 10)).toMatchObject({ emit: undefined, wakeAt: undefined });
    expect(woken(told, 100)).toMatchObject({ emit: undefined, wakeAt: undefined });
    // One that is not told yet is counted only as far as somebody has listened.
    const waiting: RuleState = { since: 1, raised: false, at: START - 4_000_000 };
    expect(woken(waiting, 10)).toMatchObject({ emit: undefined, wakeAt: START + 30_000 });
    expect(woken(waiting, 30)).toMatchObject({ raise: true });
  });

  it('counts the silence of a device that it has never watched from its own beginning', () => {
    const observation: Observation = { trigger: 'timer', reading: {}, ageMs: 0, heardAt: START - 3_600_000 };
    const rule = ruleOf({ absence });
    const first = evaluate(rule, undefined, observation, answering, START);
    expect(first).toMatchObject({ emit: undefined, wakeAt: START + 30_000, state: { raised: false } });
    const due = evaluate(rule, first.state, observation, answering, START + 30_000);
    expect(due).toMatchObject({ raise: true, reason: 'change' });
    expect(evaluate(rule, due.state, observation, answering, START + 90_000).emit).toBeUndefined();
  });

  it('is over only when the device has been heard for the whole of the hold, without falling silent again', () => {
    const story10 = (...heard: number[]) =>
      story(
        { absence: { after: '10s' }, hold: '20s' },
        heard.map((second) => [second, 1]),
        { until: 60 },
      );
    expect(story10(0, 32, 41, 50)).toBe('+30 -52');
    expect(story10(0, 32, 45, 54)).toBe('+30');
  });

  it('does not look again and again at a silence whose run would take no time', () => {
    const run = { seconds: '300 - light', max: '1m' };
    const rule = ruleOf({ absence, run });
    const state: RuleState = { since: 1, raised: false, at: START };
    const observation: Observation = {
      trigger: 'timer',
      reading: { light: 400 },
      ageMs: 0,
      heardAt: START,
    };
    expect(evaluate(rule, state, observation, answering, START + 30_000)).toMatchObject({
      emit: undefined,
      wakeAt: undefined,
    });
  });

  it('tells of a silence that began while the run for the one before it went on', () => {
    const run = { seconds: '25', max: '1m' };
    const heard: Step[] = [
      [0, 1],
      [31, 1],
    ];
    expect(story({ absence: { after: '10s' }, hold: '20s', run }, heard, { until: 180 })).toBe(
      '+30 -55run_over +75.001 -100.001run_over',
    );
  });

  it('tells a silence once, also if what it does ends by itself', () => {
    const run = { seconds: '5', max: '1m' };
    expect(story({ absence, run }, [[0, 1]], { until: 300 })).toBe('+30 -35run_over');
    expect(
      story(
        { absence, run },
        [
          [0, 1],
          [32, 1],
        ],
        { until: 300 },
      ),
    ).toBe('+30 -32 +62 -67run_over');
  });
});

describe('a run', () => {
  const run = { seconds: '(300 - light) / 10', max: '1m' };

  it('takes as long as the excess, ends by itself, and is not prolonged', () => {
    expect(
      story(
        { run },
        [
          [0, 400],
          [1, 280],
          [2, 100],
        ],
        { until: 300 },
      ),
    ).toBe('-0first +1 -3run_over');
  });

  it('takes the maximum at most', () => {
    expect(story({ run }, [[0, -1e9]], { until: 300 })).toBe('+0first -60run_over');
  });

  it('is followed by the time to settle, and then by the next run', () => {
    const rule = { run: { seconds: '5', max: '1m' }, settle: '20s' };
    const steps = Array.from({ length: 40 }, (_, i): Step => [i, 200]);
    expect(story(rule, steps, { until: 300 })).toBe('+0first -5run_over +25 -30run_over');
  });

  it('ends sooner only if there is a clear that says so', () => {
    const rule = { run: { seconds: '50', max: '1m' } };
    const steps: Step[] = [
      [0, 200],
      [10, 400],
    ];
    expect(story(rule, steps, { until: 300 })).toBe('+0first -50run_over');
    expect(story({ ...rule, clear: 'light > 330' }, steps, { until: 300 })).toBe('+0first -10');
  });

  it('does not begin if it would take no time', () => {
    expect(story({ when: 'light < 400', run }, every(1, [350, 300, 290]), { until: 9 })).toBe(
      '-0first +2 -3run_over',
    );
  });

  it.each([
    ['was disabled', { enabled: false }, 1],
    ['got another meaning', { when: 'light < 100' }, 2],
    ['no longer has runs', { run: undefined }, 2],
  ])('ends also if the rule %s meanwhile', (_what, edit, since) => {
    const rule = { run: { seconds: '50', max: '1m' } };
    const observation: Observation = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START };
    const { state } = evaluate(ruleOf(rule), undefined, observation, answering, START);
    const edited = ruleOf({ ...rule, ...edit }, since);
    const timer: Observation = { ...observation, trigger: 'timer' };
    const during = evaluate(edited, state, timer, answering, START + 20_000);
    expect(during).toMatchObject({ emit: undefined, wakeAt: START + 50_000 });
    expect(evaluate(edited, during.state, timer, answering, START + 50_000)).toMatchObject({
      emit: { led_on: false },
      reason: 'run_over',
    });
  });
});

describe('re-assertion', () => {
  const obedient = (second: number): Step => [second, { light: 5, led_on: true }];
  const wrong = (second: number): Step => [second, { light: 5, led_on: false }];

  it('tells a device again that reports otherwise, ever more seldom', () => {
    const steps = Array.from({ length: 100 }, (_, i) => wrong(i * 10));
    expect(story({}, steps)).toBe('+0first +60reassert +180reassert +420reassert +900reassert');
  });

  it('begins again with short spacing once the device has agreed for long enough', () => {
    const steps = [wrong(0), wrong(60), wrong(180), obedient(190), obedient(420), wrong(430), wrong(550)];
    expect(story({}, steps)).toBe('+0first +60reassert +180reassert +430reassert +550reassert');
  });

  it('dies away where somebody else, such as another rule, keeps commanding the opposite', () => {
    const steps = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? wrong(i * 30) : obedient(i * 30)));
    expect(story({}, steps)).toBe(
      '+0first +60reassert +180reassert +420reassert +900reassert +1860reassert +3780reassert',
    );
  });

  it('tells a device that neither answers nor reports each time, and leaves others alone', () => {
    const steps = every(30, [5, 5, 5, 5, 5]);
    expect(story({}, steps, { device: mute })).toBe('+0first +60reassert +120reassert');
    expect(story({}, steps)).toBe('+0first');
    expect(story({}, [0, 30, 60, 90].map(obedient), { device: mute })).toBe('+0first');
  });

  it('takes nothing for a report that the device did not send', () => {
    const steps = every(30, [5, 5, 5, 5, 5]);
    expect(story({ then: { toString: 1 } }, steps)).toBe('+0first');
  });

  it('never does if it must not', () => {
    expect(story({ reassert: 'never' }, [wrong(0), wrong(9999)], { device: mute })).toBe('+0first');
  });
});

describe('what goes wrong', () => {
  const observation: Observation = { trigger: 'reading', reading: { light: 300 }, ageMs: 0, heardAt: START };

  it('an expression that fails is a result; the state stays', () => {
    const rule = ruleOf({ when: '1 / (light - 300) > 0' });
    const state: RuleState = { since: 1, raised: true, at: START, emittedAt: START };
    const judged = evaluate(rule, state, observation, answering, START);
    expect(judged).toMatchObject({
      result: 'error',
      emit: undefined,
      error: expect.stringContaining('zero'),
    });
    expect(judged.state).toBe(state);
  });

  it('a rule may change its mind sixty times at once, and no more often', () => {
    const rule = ruleOf({});
    let state: RuleState | undefined;
    const raises: (boolean | undefined)[] = [];
    for (let i = 0; i < 100; i += 1) {
      const reading = { light: i % 2 === 0 ? 200 : 400 };
      const judged = evaluate(rule, state, { ...observation, reading }, answering, START);
      state = judged.state;
      if (judged.emit !== undefined) raises.push(judged.raise);
    }
    expect(raises).toHaveLength(60);
  });

  it('a rule that goes round in circles is cut for a minute', () => {
    const rule = ruleOf({});
    let state: RuleState | undefined;
    let emitted = 0;
    for (let i = 0; i < 3000; i += 1) {
      const reading = { light: i % 2 === 0 ? 200 : 400 };
      const judged = evaluate(rule, state, { ...observation, reading }, answering, START + i * 10);
      state = judged.state;
      if (judged.emit !== undefined) emitted += 1;
    }
    expect(emitted).toBeGreaterThanOrEqual(60);
    expect(emitted).toBeLessThan(66);
    expect(state?.cut).toBeGreaterThan(START + 30_000);
    const after = evaluate(rule, state, observation, answering, state!.cut!);
    expect(after.state?.cut).toBeUndefined();
  });

  it('a server clock that was set back holds nothing up', () => {
    const hour = 3_600_000;
    const later: RuleState = { since: 1, raised: true, at: START + hour, emittedAt: START + hour };
    const rule = ruleOf({ dwell: '10s', hold: '1s' });
    expect(evaluate(rule, { ...later, held: START + hour }, observation, answering, START).raise).toBe(false);
    const running = { ...later, runUntil: START + hour + 5000 };
    const pump = ruleOf({ run: { seconds: '5', max: '1m' } });
    expect(evaluate(pump, running, observation, answering, START).reason).toBe('run_over');
  });
});

it('tells a trace what each clause found', () => {
  const rule = ruleOf({ hold: '10s', cooldown: '1m' });
  const state: RuleState = { since: 1, raised: false, at: START, emittedAt: START, raisedAt: START - 5000 };
  const trace: Trace = [];
  const reading = { light: 212 };
  evaluate(
    rule,
    state,
    { trigger: 'reading', reading, ageMs: 5, heardAt: START },
    answering,
    START + 1000,
    trace,
  );
  expect(trace).toEqual([
    { clause: 'maxAge', passes: true, amount: 5, limit: 30_000 },
    { clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } },
    { clause: 'hold', passes: false, amount: 0, limit: 10_000, until: START + 11_000 },
    { clause: 'cooldown', passes: false, amount: 6000, limit: 60_000, until: START + 55_000 },
    { clause: 'emit', passes: false, value: false, amount: 1000 },
  ]);
});

import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import fc from 'fast-check';
import type { Evaluated } from '../context/evaluated.js';
import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { type CompiledRule, compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { ReadingWindow } from '../window/reading-window.js';
import { evaluate } from './evaluate.js';
import { evidenceOf, replay } from './evidence.js';

const START = Date.UTC(2026, 5, 1, 12);
/** How long timers fire after the last reading. */
const TAIL_MS = 300_000;

interface Event {
  readonly gapMs: number;
  readonly ageMs: number;
  readonly reading: Readonly<Record<string, Measurement>>;
}

/** One evaluation: inputs and outcome. */
interface Evaluation {
  readonly rule: CompiledRule;
  readonly state: RuleState | undefined;
  readonly observation: Observation;
  readonly now: number;
  readonly evaluated: Evaluated;
}

/**
 * Evaluates a series of readings and fires the timers that the rule sets, plus `extraTimers` between any two readings.
 * `transform` changes the state between evaluations; `inspect` receives each evaluation before the window changes.
 */
function evaluateAll(
  rule: CompiledRule,
  events: readonly Event[],
  device: DeviceFacts,
  { transform = (state?: RuleState) => state, inspect = (_: Evaluation) => {}, extraTimers = 0 } = {},
): Evaluation[] {
  const all: Evaluation[] = [];
  const window = new ReadingWindow();
  let state: RuleState | undefined;
  let wakeAt: number | undefined;
  const evaluateAt = (trigger: 'reading' | 'timer', now: number) => {
    const newest = window.newest;
    const observation: Observation = {
      trigger,
      reading: newest?.reading ?? {},
      ageMs: newest === undefined ? 0 : now - newest.at,
      heardAt: newest?.receivedAt ?? START,
      last: window.beforeNewest?.reading,
      window,
      ...(rule.quorum !== undefined && { verdict: votes(newest?.reading.light) }),
    };
    state = transform(state);
    const evaluated = evaluate(rule, state, observation, device, now);
    expect(evaluated.wakeAt ?? Infinity).toBeGreaterThan(now);
    const evaluation = { rule, state, observation, now, evaluated };
    inspect(evaluation);
    all.push(evaluation);
    ({ state, wakeAt } = evaluated);
  };
  let now = START;
  const wait = (to: number) => {
    for (let i = 1; i <= extraTimers; i += 1) {
      const time = Math.floor(now + ((to - now) * i) / (extraTimers + 1));
      while (wakeAt !== undefined && wakeAt <= time) evaluateAt('timer', wakeAt);
      if (all.length > 0 && time > now) evaluateAt('timer', time);
    }
    while (wakeAt !== undefined && wakeAt <= to) evaluateAt('timer', wakeAt);
  };
  for (const { gapMs, ageMs, reading } of events) {
    wait(now + gapMs);
    now += gapMs;
    window.push({ at: now - ageMs, receivedAt: now, reading });
    evaluateAt('reading', now);
  }
  wait(now + TAIL_MS);
  return all;
}

function votes(light: Measurement | undefined): boolean | undefined {
  return typeof light === 'number' ? light < 300 : undefined;
}

const emissions = (all: readonly Evaluation[]) =>
  all
    .filter(({ evaluated }) => evaluated.emit !== undefined)
    .map(({ now, evaluated: { emit, raise, reason } }) => ({
      ms: now - START,
      emit,
      raise,
      reason,
    }));
const changes = (all: readonly Evaluation[]) =>
  all.filter(({ state, evaluated }) => state !== undefined && state.raised !== evaluated.state?.raised);

const times = fc.constantFrom('0s', '1s', '5s', '20s');
const conditions = fc.constantFrom(
  { when: 'light < 300' },
  { when: 'light < 300', clear: 'light > 330' },
  { when: 'light < 300', clear: 'light > 200' },
  { when: 'window.avg("light", "1m") < 300', clear: 'window.avg("light", "1m") > 320.5' },
  { when: 'light < last.light - 20' },
  { when: 'has(reading.led_on) && light < 300 && device.name == "lamp-1"' },
  { when: '1000 / (light - 300) < 0' },
  { when: 'window.zscore("light", "5m") > 1.5 || window.rate("light", "20s") > 10' },
  { absence: { after: '10s' } },
  { absence: { after: '3s' } },
  { when: 'light < 300', quorum: { policy: 'majority' } },
);
const clauses = fc.record({
  hold: times,
  dwell: times,
  cooldown: times,
  settle: times,
  maxAge: fc.constantFrom('5s', '30s'),
  quiet: fc.option(fc.constantFrom({ from: '12:00', to: '12:01' }, { from: '12:02', to: '12:04' }), {
    nil: undefined,
  }),
  deadband: fc.option(fc.constant({ of: 'light', by: 15 }), { nil: undefined }),
  run: fc.option(fc.constantFrom({ seconds: '4', max: '1m' }, { seconds: '(310 - light) / 5', max: '20s' }), {
    nil: undefined,
  }),
  mode: fc.constantFrom('change', 'change', 'every'),
  reassert: fc.constantFrom('never', '5s', '1m'),
  else: fc.option(fc.constant({ led_on: false }), { nil: undefined }),
});
const rules: fc.Arbitrary<CompiledRule> = fc.tuple(conditions, clauses).map(([condition, more]) => {
  const rule: Record<string, unknown> = { id: 'r', then: { led_on: true }, ...more, ...condition };
  if ('absence' in condition || 'quorum' in condition) rule.deadband = undefined;
  if (rule.run !== undefined || 'quorum' in condition) rule.mode = 'change';
  if (rule.run !== undefined) rule.else = { led_on: false };
  return compileRule(ruleSchema.parse(rule as unknown as RuleInput), 7, 3);
});
const plain = (input: Partial<RuleInput>) =>
  compileRule(
    ruleSchema.parse({
      id: 'r',
      when: 'light < 300',
      then: { led_on: true },
      else: { led_on: false },
      ...input,
    }),
    1,
    1,
  );

const light = fc.oneof(
  fc.integer({ min: 0, max: 1023 }),
  fc.integer({ min: 280, max: 345 }),
  fc.constant(300),
);
const readings: fc.Arbitrary<Event['reading']> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ light, led_on: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ light }) },
  fc.constantFrom<Event['reading'][]>({}, { other: 1 }, { light: 'bright' }, { light: null }),
);
const events: fc.Arbitrary<Event[]> = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 40_000 })),
    ageMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 40_000 })),
    reading: readings,
  }),
  { minLength: 1, maxLength: 60 },
);
const fresh = (maxGapMs: number, values = light): fc.Arbitrary<Event[]> =>
  fc.array(
    fc.record({
      gapMs: fc.integer({ min: 1, max: maxGapMs }),
      ageMs: fc.constant(0),
      reading: fc.record({ light: values }),
    }),
    { minLength: 1, maxLength: 80 },
  );
const address = { fleet: 'demo', device: 'lamp-1' };
const devices = fc.record({
  address: fc.constant(address),
  acknowledges: fc.boolean(),
  lesson: fc.boolean(),
});
const acknowledging: DeviceFacts = { address, acknowledges: true, lesson: false };
const json = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));

describe('evaluate with any rule and readings', () => {
  it('is reproduced by replay with its evidence', () => {
    fc.assert(
      fc.property(rules, events, devices, (rule, series, device) => {
        const inspect = ({ state, observation, now, evaluated }: Evaluation) => {
          const trace: Trace = [];
          expect(evaluate(rule, state, observation, device, now, trace)).toEqual(evaluated);
          const evidence = json(evidenceOf(rule, state, observation, device, now));
          expect(replay(rule, evidence)).toEqual({ evaluated, trace });
        };
        evaluateAll(rule, series, device, { inspect });
      }),
      { numRuns: 150 },
    );
  });

  it('does not depend on restarts', () => {
    fc.assert(
      fc.property(rules, events, devices, (rule, series, device) => {
        const uninterrupted = evaluateAll(rule, series, device);
        const restarted = evaluateAll(rule, series, device, { transform: json });
        expect(emissions(restarted)).toEqual(emissions(uninterrupted));
        expect(json(restarted.at(-1)?.evaluated.state)).toEqual(json(uninterrupted.at(-1)?.evaluated.state));
      }),
      { numRuns: 150 },
    );
  });

  it('returns the same state object if nothing changed, and does not modify its inputs', () => {
    fc.assert(
      fc.property(rules, events, devices, (rule, series, device) => {
        const transform = (state?: RuleState) => state && Object.freeze(state);
        for (const { state, evaluated } of evaluateAll(rule, series, device, { transform }))
          if (JSON.stringify(state) === JSON.stringify(evaluated.state)) expect(evaluated.state).toBe(state);
      }),
      { numRuns: 150 },
    );
  });

  it('emits the same commands if timers fire more often than requested', () => {
    fc.assert(
      fc.property(rules, events, devices, (rule, series, device) => {
        const extra = evaluateAll(rule, series, device, { extraTimers: 3 });
        expect(emissions(extra)).toEqual(emissions(evaluateAll(rule, series, device)));
      }),
      { numRuns: 150 },
    );
  });

  it('ends every run in time', () => {
    fc.assert(
      fc.property(
        rules.filter(({ run }) => run !== undefined),
        events,
        devices,
        (rule, series, device) => {
          const commands = emissions(evaluateAll(rule, series, device)).filter(
            ({ reason }) => reason !== 'reassert',
          );
          const switches = commands.filter(({ reason }) => reason !== 'every');
          const last = series.reduce((ms, { gapMs }) => ms + gapMs, TAIL_MS);
          for (const [i, { raise, ms }] of switches.entries()) {
            if (!raise || ms + rule.run!.maxMs > last) continue;
            const end = switches[i + 1];
            expect(end?.raise).toBe(false);
            expect(end!.ms - ms).toBeLessThanOrEqual(rule.run!.maxMs);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('respects dwell, cooldown and quiet hours', () => {
    fc.assert(
      fc.property(rules, events, devices, (rule, series, device) => {
        const all = changes(evaluateAll(rule, series, device));
        let lastRaise = Number.NEGATIVE_INFINITY;
        for (const { state, evaluated, now } of all) {
          if (evaluated.reason === 'run_over') continue;
          if (state!.first !== true) expect(now - state!.at).toBeGreaterThanOrEqual(rule.dwellMs);
          if (evaluated.state!.raised) {
            expect(now - lastRaise).toBeGreaterThanOrEqual(rule.cooldownMs);
            lastRaise = now;
            expect(rule.quiet?.endOf(now)).toBeUndefined();
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

it('hysteresis ignores noise between the limits, and changes the verdict only when noise crosses both', () => {
  const rule = plain({ when: 'light < 300', clear: 'light > 330', reassert: 'never' });
  fc.assert(
    fc.property(light, fresh(1000, fc.integer({ min: 300, max: 330 })), (first, noise) => {
      const start = { gapMs: 0, ageMs: 0, reading: { light: first } };
      expect(emissions(evaluateAll(rule, [start, ...noise], acknowledging))).toHaveLength(1);
    }),
  );
  fc.assert(
    fc.property(fresh(10_000), (series) => {
      let raised = false;
      let crossings = 0;
      for (const { reading } of series) {
        const value = reading.light as number;
        const next: boolean = value < 300 || (raised && value <= 330);
        if (next !== raised) crossings += 1;
        raised = next;
      }
      expect(changes(evaluateAll(rule, series, acknowledging))).toHaveLength(
        crossings - ((series[0]!.reading.light as number) < 300 ? 1 : 0),
      );
    }),
  );
});

it('hold changes the verdict only after all readings have requested it throughout', () => {
  const rule = plain({ hold: '10s', reassert: 'never' });
  fc.assert(
    fc.property(fresh(6000), (series) => {
      const all = evaluateAll(rule, series, acknowledging);
      for (const { now, evaluated, state } of changes(all)) {
        const requests = all
          .filter((earlier) => earlier.observation.trigger === 'reading' && earlier.now <= now)
          .map(({ now: at, observation }) => ({ at, dark: (observation.reading.light as number) < 300 }));
        const before = requests.findLast(({ at }) => at <= now - 10_000);
        const during = requests.filter(({ at }) => at > now - 10_000);
        expect([before, ...during].map((request) => request?.dark)).toEqual(
          Array.from({ length: during.length + 1 }, () => evaluated.state!.raised),
        );
        expect(state).toBeDefined();
      }
    }),
  );
});

it('absence raises exactly once per silence', () => {
  fc.assert(
    fc.property(fresh(30_000), fc.boolean(), (series, runs) => {
      const run = runs ? { seconds: '3', max: '1m' } : undefined;
      const rule = plain({ when: undefined, absence: { after: '10s' }, run, reassert: 'never' });
      const raises = emissions(evaluateAll(rule, series, acknowledging)).filter(({ raise }) => raise);
      const silences = series.slice(1).filter(({ gapMs }) => gapMs >= 10_000).length + 1;
      expect(raises).toHaveLength(silences);
    }),
  );
});

import {
  commandsOf,
  every,
  problemsOf,
  raised,
  ruleOf,
  START,
  type Step,
  silent,
  traceOf,
} from '../../../test/rule-under-test.js';
import type { RuleState } from '../../context/rule-state.js';
import type { Trace } from '../../context/trace.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';
import type { RuleInput } from '../../rule/rule.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const ON = { led_on: true };
const OFF = { led_on: false };

/** A reading of a dark room in which the lamp reports the commanded value, or the other one. */
const agreeing = (second: number): Step => [second, { light: 5, ...ON }];
const differing = (second: number): Step => [second, { light: 5, ...OFF }];

describe('reassert', () => {
  it.each(['sometimes', '1ms', '8d', 5])('rejects %j', (reassert) => {
    expect(problemsOf({ reassert })).toEqual([
      '/reassert: must be "never", or a duration such as "1m", from 1s to 7d',
    ]);
  });

  it('sends the command again while the device reports a different value, with growing spacing', () => {
    const steps = Array.from({ length: 100 }, (_, i) => differing(i * 10));
    expect(commandsOf({}, steps)).toBe('+0first +60reassert +180reassert +420reassert +900reassert');
  });

  it('resets the spacing once the device has agreed for that long', () => {
    const steps = [
      differing(0),
      differing(60),
      differing(180),
      agreeing(190),
      agreeing(420),
      differing(430),
      differing(550),
    ];
    expect(commandsOf({}, steps)).toBe('+0first +60reassert +180reassert +430reassert +550reassert');
  });

  it('keeps growing the spacing where another rule keeps commanding the opposite', () => {
    const steps = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? differing : agreeing)(i * 30));
    expect(commandsOf({}, steps)).toBe(
      '+0first +60reassert +180reassert +420reassert +900reassert +1860reassert +3780reassert',
    );
  });

  it('sends the command again to a device that neither acknowledges nor reports the value', () => {
    const steps = every(30, [5, 5, 5, 5, 5]);
    expect(commandsOf({}, steps, { device: silent })).toBe('+0first +60reassert +120reassert');
    expect(commandsOf({}, steps)).toBe('+0first');
    expect(commandsOf({}, [0, 30, 60, 90].map(agreeing), { device: silent })).toBe('+0first');
  });

  it('ignores properties that every object has', () => {
    expect(commandsOf({ then: { toString: 1 } }, every(30, [5, 5, 5, 5, 5]))).toBe('+0first');
  });

  it('never sends the command again with "never"', () => {
    expect(commandsOf({ reassert: 'never' }, [differing(0), differing(9999)], { device: silent })).toBe(
      '+0first',
    );
  });

  it('is explained', () => {
    const sentenceOf = (reading: Record<string, number | boolean>, emittedAt: number) =>
      explain(traceOf({}, { ...raised, emittedAt }, { reading, ageMs: 0 })).find((sentence) =>
        sentence.includes('last command'),
      );
    expect(sentenceOf({ light: 5, ...OFF }, START - 90_000)).toBe(
      'the device reported that led_on was false, and the last command was sent 90 s ago, more than 60 s',
    );
    expect(sentenceOf({ light: 5, ...OFF }, START - 20_000)).toBe(
      'the device reported that led_on was false; the last command was sent 20 s ago and is repeated after 60 s',
    );
  });
});

/** A device under a rule, with a clock. It announces its restarts and acknowledges commands. */
function deviceUnder(changes: Partial<RuleInput> = {}) {
  const rule = ruleOf(changes);
  let now = START;
  let startedAt = START;
  let state: RuleState | undefined;
  let trace: Trace = [];
  return {
    restart(afterMs: number) {
      now += afterMs;
      startedAt = now;
    },
    /** Sends a reading after some time; returns the action that the device gets. */
    send(reading: Record<string, boolean | number>, afterMs = SECOND) {
      now += afterMs;
      trace = [];
      const device = {
        address: { fleet: 'f', device: 'lamp' },
        acknowledges: true,
        lesson: false,
        startedAt,
      };
      const observation = { trigger: 'reading', reading, ageMs: 0, heardAt: now } as const;
      const evaluated = evaluate(rule, state, observation, device, now, trace);
      state = evaluated.state && JSON.parse(JSON.stringify(evaluated.state));
      return evaluated.emit;
    },
    explanation: () => explain(trace),
  };
}

describe('reassert after a restart', () => {
  it.each([
    ['raised', { light: 100 }, ON],
    ['lowered', { light: 900 }, OFF],
  ])('sends the command again on the first reading, if %s', (_side, reading, action) => {
    const { send, restart } = deviceUnder();
    const once = [action, undefined, undefined];
    expect([send(reading), send(reading), send(reading, 10 * MINUTE)]).toEqual(once);
    restart(MINUTE);
    expect([send(reading), send(reading), send(reading, 10 * MINUTE)]).toEqual(once);
  });

  it('sends no command if the first reading agrees', () => {
    const { send, restart } = deviceUnder();
    send({ light: 100 });
    restart(MINUTE);
    expect([send({ light: 100, ...ON }), send({ light: 100 }), send({ light: 100 })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('sends the command immediately if the first reading differs', () => {
    const { send, restart } = deviceUnder();
    send({ light: 100 });
    restart(2 * SECOND);
    expect(send({ light: 100, ...OFF })).toEqual(ON);
  });

  it('sends the command at most every `reassert` if the device restarts often', () => {
    const { send, restart } = deviceUnder({ reassert: '1m' });
    send({ light: 100 });
    restart(SECOND);
    expect(send({ light: 100 })).toEqual(ON);
    let commands = 0;
    for (let second = 0; second < 240; second += 2) {
      restart(SECOND);
      if (send({ light: 100 }) !== undefined) commands += 1;
    }
    expect(commands).toBeGreaterThanOrEqual(3);
    expect(commands).toBeLessThanOrEqual(4);
  });

  it('sends no command with "never"', () => {
    const { send, restart } = deviceUnder({ reassert: 'never' });
    send({ light: 100 });
    restart(MINUTE);
    expect(send({ light: 100 })).toBeUndefined();
  });

  it('waits for the end of quiet hours', () => {
    const { send, restart } = deviceUnder({ quiet: { from: '12:30', to: '13:30', timeZone: 'UTC' } });
    send({ light: 100 });
    restart(45 * MINUTE);
    expect([send({ light: 100 }), send({ light: 100 }, 50 * MINUTE)]).toEqual([undefined, ON]);
  });

  it('sends the command again in mode "every" although the deadband skips the reading', () => {
    const { send, restart } = deviceUnder({ mode: 'every', deadband: { of: 'light', by: 10 } });
    expect([send({ light: 100 }), send({ light: 101 })]).toEqual([ON, undefined]);
    restart(MINUTE);
    expect([send({ light: 101 }), send({ light: 101 })]).toEqual([ON, undefined]);
  });

  it('is explained', () => {
    const { send, restart, explanation } = deviceUnder();
    send({ light: 100 });
    restart(MINUTE);
    send({ light: 100 });
    expect(explanation()).toContain(
      'the device had restarted since the last command, 61 s ago, and reported none of the commanded values',
    );
  });
});

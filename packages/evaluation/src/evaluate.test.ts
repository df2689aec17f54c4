import fc from 'fast-check';
import { compileCondition } from './condition.js';
import { type CompiledRule, type DeviceFacts, evaluate, REASSERT_MS, type RuleState } from './evaluate.js';

const nightLight: CompiledRule = {
  id: 'night-light',
  when: compileCondition('light < 300'),
  whenTrue: { led_on: true },
  whenFalse: { led_on: false },
  mode: 'change',
  policy: 'latest',
  lane: 'led',
  ttlMs: 3_600_000,
  timeoutMs: 60_000,
  attempts: 5,
  onFailure: undefined,
};
const ON = { led_on: true };
const OFF = { led_on: false };
const announced: DeviceFacts = { answers: true, lesson: false };
const silent: DeviceFacts = { answers: false, lesson: false };
const lesson: DeviceFacts = { answers: false, lesson: true };

/** What a rule emits for a series of light values, one per second; undefined where it emits nothing. */
function emitted(rule: CompiledRule, device: DeviceFacts, lights: (number | undefined)[]) {
  let state: RuleState | undefined;
  return lights.map((light, second) => {
    const reading = light === undefined ? { other: 1 } : { light };
    const verdict = evaluate(rule, state, reading, device, second * 1000);
    state = verdict.state;
    return verdict.emit;
  });
}

describe('the night-light rule', () => {
  it('tells the lamp its state on the first reading, and then only when it changes', () => {
    expect(emitted(nightLight, announced, [299, 0, 300, 1023, 299])).toEqual([
      ON,
      undefined,
      OFF,
      undefined,
      ON,
    ]);
  });

  it('answers every reading in mode "every"', () => {
    const every = { ...nightLight, mode: 'every' as const };
    expect(emitted(every, announced, [299, 299, 300, 300])).toEqual([ON, ON, OFF, OFF]);
  });

  it("answers every reading of the lesson's device, as the lesson's server does", () => {
    expect(emitted(nightLight, lesson, [412, 412, 12])).toEqual([OFF, OFF, ON]);
  });

  it('says nothing and forgets nothing when a reading does not tell the light', () => {
    expect(emitted(nightLight, announced, [299, undefined, 299, undefined, 300])).toEqual([
      ON,
      undefined,
      undefined,
      undefined,
      OFF,
    ]);
  });

  it('tells a device that never answers again after a minute, and a device that answers only once', () => {
    const state: RuleState = { raised: true, emittedAt: 0 };
    const later = (device: DeviceFacts, now: number) =>
      evaluate(nightLight, state, { light: 5 }, device, now).emit;
    expect(later(silent, REASSERT_MS - 1)).toBeUndefined();
    expect(later(silent, REASSERT_MS)).toEqual(ON);
    expect(later(announced, REASSERT_MS * 100)).toBeUndefined();
  });

  it('keeps the very same state object when nothing changed, so that nothing is written', () => {
    const state: RuleState = { raised: true, emittedAt: 0 };
    expect(evaluate(nightLight, state, { light: 5 }, announced, 1).state).toBe(state);
  });

  it('emits as often as the verdict changes, whatever the readings', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1023 }), { minLength: 1 }), (lights) => {
        const changes = lights.filter((light, i) => i === 0 || light < 300 !== lights[i - 1]! < 300).length;
        const commands = emitted(nightLight, announced, lights).filter((action) => action !== undefined);
        expect(commands).toHaveLength(changes);
        expect(commands.at(-1)).toEqual(lights.at(-1)! < 300 ? ON : OFF);
      }),
    );
  });
});

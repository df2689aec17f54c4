// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { explainVerdict } from './explain-verdict.js';
import { evaluateNow } from './rule-verdict.js';

const NOW = Date.UTC(2026, 10, 22, 12);
const facts = { address: { fleet: 'demo', device: 'lamp' }, acknowledges: true, lesson: false };
const lowered: RuleState = { since: 3, raised: false, at: NOW - 60_000, emittedAt: NOW - 60_000 };

function verdictFor(
  input: Partial<RuleInput>,
  { light = 315, ageMs = 1000, state = lowered as RuleState | undefined } = {},
) {
  const document = {
    id: 'r',
    when: 'light < 300',
    then: { led_on: true },
    else: { led_on: false },
    ...input,
  };
  const rule = compileRule(ruleSchema.parse(document), 4, 3);
  const receivedAt = NOW - ageMs;
  const reading = { light };
  const verdict = evaluateNow(
    rule,
    { facts, readings: [{ at: receivedAt, receivedAt, reading }], state },
    NOW,
  );
  const sentences = explainVerdict(verdict, {
    rule: 'r',
    device: 'lamp',
    now: NOW,
    last: { receivedAt, reading },
  });
  return { verdict, text: sentences.join('\n') };
}

describe('the verdict of a rule', () => {
  it('names the condition that does not hold', () => {
    const { verdict, text } = verdictFor({});
    expect(verdict).toMatchObject({ outcome: 'lowered', since: lowered.at, keptBy: ['when'] });
    expect(verdict.between).toBeUndefined();
    expect(text).toContain(
      'rule "r" is lowered for lamp since 2026-11-22T11:59:00.000Z (60 s); kept by: when',
    );
  });

  it('explains both limits within the hysteresis', () => {
    expect(verdictFor({ clear: 'light > 330' }).text).toContain(
      '"light > 330" did not hold\nbetween the two limits the verdict does not change',
    );
    expect(verdictFor({ clear: 'light > 310' }).verdict.between).toBeUndefined();
  });

  it('also explains, as of its arrival, a reading that is now too old', () => {
    const { verdict, text } = verdictFor({}, { ageMs: 45_000 });
    expect(verdict.keptBy).toEqual(['maxAge', 'when']);
    expect(text).toContain('the reading was 45 s old, too old for the 30 s that are allowed');
    expect(text).toContain('on arrival: light was 315, above 300: "light < 300" did not hold');
  });

  it.each<[string, Partial<RuleInput>, RuleState | undefined, string[]]>([
    ['hold', { hold: '10s' }, { ...lowered, held: NOW - 4000 }, ['hold']],
    [
      'dwell and cooldown',
      { dwell: '2m', cooldown: '3m' },
      { ...lowered, raisedAt: NOW - 100_000 },
      ['dwell', 'cooldown'],
    ],
    ['quiet hours', { quiet: { from: '11:00', to: '13:00', timeZone: 'UTC' } }, lowered, ['quiet']],
    ['settling', { settle: '5m' }, lowered, ['settle']],
    ['a loop that was cut', {}, { ...lowered, cut: NOW + 10_000 }, ['cut']],
    ['a missing measurement', { when: 'heat < 3' }, lowered, ['when']],
    ['an expression that fails', { when: '1 / int(light - 212) > 1' }, lowered, ['error']],
    ['a disabled rule', { enabled: false }, lowered, ['enabled']],
  ])('names the clause that keeps a rule lowered: %s', (_, input, state, keptBy) => {
    expect(verdictFor(input, { light: 212, state }).verdict.keptBy).toEqual(keptBy);
  });

  it('is undecided after a rule change until the next reading', () => {
    const { verdict, text } = verdictFor({}, { light: 212, state: { ...lowered, since: 2 } });
    expect(verdict.outcome).toBe('undecided');
    expect(text).toContain('its next reading would send {"led_on":true}');
  });
});

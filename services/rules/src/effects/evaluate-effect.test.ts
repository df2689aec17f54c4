import { compileExpression } from '@lamplighter/evaluation/expression/expression';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { type EffectCase, evaluateEffect } from './evaluate-effect.js';

const expecting = (text: string) =>
  compileExpression(text, { returns: 'bool', variables: ['last', 'device'] });
const readings = (...measurements: KeptReading['measurements'][]): KeptReading[] =>
  measurements.map((some, i) => ({ receivedAt: 1000 + i, late: false, measurements: some }));
const judged = (changes: Partial<EffectCase>) =>
  evaluateEffect({
    expect: expecting('light > last.light + 50'),
    action: { led_on: true },
    device: { fleet: 'demo', device: 'lamp-0001' },
    last: { light: 20, led_on: false },
    readings: [],
    seen: undefined,
    end: 'over',
    ...changes,
  });

describe('an effect is', () => {
  it('effective as soon as one reading shows it, and that is the evidence', () => {
    const some = readings({ light: 30 }, { light: 71, led_on: true, battery: 3 }, { light: 10 });
    for (const end of ['open', 'over', 'countermanded'] as const)
      expect(judged({ readings: some, end })).toEqual({
        outcome: 'effective',
        evidence: { last: { light: 20, led_on: false }, reading: { light: 71, led_on: true } },
      });
  });

  it('ineffective if readings came and none showed it in time', () => {
    expect(judged({ readings: readings({ light: 70 }, { light: 21 }) })).toEqual({
      outcome: 'ineffective',
      evidence: { last: { light: 20, led_on: false }, reading: { light: 21 } },
    });
  });

  it('pending while its time lasts', () => {
    expect(judged({ readings: readings({ light: 21 }), end: 'open' })).toMatchObject({ outcome: 'pending' });
    expect(judged({ end: 'open' })).toMatchObject({ outcome: 'pending' });
  });

  it('ineffective also by what an earlier look has seen', () => {
    expect(judged({ seen: { light: 21 } })).toMatchObject({
      outcome: 'ineffective',
      evidence: { reading: { light: 21 } },
    });
  });

  it.each<[string, Partial<EffectCase>]>([
    ['no reading came', {}],
    [
      'no reading says anything',
      { readings: readings({ temperature: 20 }, { light: null }, { light: 'dark' }) },
    ],
    ['there is no reading before', { readings: readings({ light: 21 }), last: undefined }],
    ['the expression fails', { readings: readings({ light: 1 }), expect: expecting('1 / (light - 1) > 0') }],
    ['another command ended it', { readings: readings({ light: 21 }), end: 'countermanded' }],
    ['it already was as commanded', { readings: readings({ light: 21 }), last: { light: 20, led_on: true } }],
  ])('unmeasured if %s', (_what, changes) => {
    expect(judged(changes).outcome).toBe('unmeasured');
  });

  it('judged by all that a command says: one part that was so already is not enough', () => {
    const changes = { action: { led_on: true, level: 5 }, last: { light: 20, led_on: true, level: 3 } };
    expect(judged({ readings: readings({ light: 21 }), ...changes }).outcome).toBe('ineffective');
  });

  it('judged without a reading before, if the expression asks for none', () => {
    const expect_ = expecting('light > 100');
    expect(judged({ expect: expect_, last: undefined, readings: readings({ light: 101 }) }).outcome).toBe(
      'effective',
    );
  });
});

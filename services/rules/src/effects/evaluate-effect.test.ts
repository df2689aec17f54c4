import { compileExpression } from '@lamplighter/evaluation/expression/expression';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { type EffectCase, evaluateEffect } from './evaluate-effect.js';

const expecting = (text: string) =>
  compileExpression(text, { returns: 'bool', variables: ['last', 'device'] });
const readings = (...measurements: KeptReading['measurements'][]): KeptReading[] =>
  measurements.map((some, i) => ({ receivedAt: 1000 + i, late: false, measurements: some }));
const evaluated = (changes: Partial<EffectCase>) =>
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

describe('evaluateEffect', () => {
  it('returns effective if one reading shows the effect, with that reading as evidence', () => {
    const some = readings({ light: 30 }, { light: 71, led_on: true, battery: 3 }, { light: 10 });
    for (const end of ['open', 'over', 'countermanded'] as const)
      expect(evaluated({ readings: some, end })).toEqual({
        outcome: 'effective',
        evidence: { last: { light: 20, led_on: false }, reading: { light: 71, led_on: true } },
      });
  });

  it('returns ineffective if no reading shows the effect in time', () => {
    expect(evaluated({ readings: readings({ light: 70 }, { light: 21 }) })).toEqual({
      outcome: 'ineffective',
      evidence: { last: { light: 20, led_on: false }, reading: { light: 21 } },
    });
  });

  it('returns pending before the deadline', () => {
    expect(evaluated({ readings: readings({ light: 21 }), end: 'open' })).toMatchObject({
      outcome: 'pending',
    });
    expect(evaluated({ end: 'open' })).toMatchObject({ outcome: 'pending' });
  });

  it('returns ineffective because of a reading of an earlier check', () => {
    expect(evaluated({ seen: { light: 21 } })).toMatchObject({
      outcome: 'ineffective',
      evidence: { reading: { light: 21 } },
    });
  });

  it.each<[string, Partial<EffectCase>]>([
    ['there is no reading', {}],
    [
      'no reading has the measurement',
      { readings: readings({ temperature: 20 }, { light: null }, { light: 'dark' }) },
    ],
    ['there is no previous reading', { readings: readings({ light: 21 }), last: undefined }],
    ['the expression fails', { readings: readings({ light: 1 }), expect: expecting('1 / (light - 1) > 0') }],
    ['another command followed', { readings: readings({ light: 21 }), end: 'countermanded' }],
    [
      'the device was already in the commanded state',
      { readings: readings({ light: 21 }), last: { light: 20, led_on: true } },
    ],
  ])('returns unmeasured if %s', (_what, changes) => {
    expect(evaluated(changes).outcome).toBe('unmeasured');
  });

  it('requires all keys of the action for the commanded state', () => {
    const changes = { action: { led_on: true, level: 5 }, last: { light: 20, led_on: true, level: 3 } };
    expect(evaluated({ readings: readings({ light: 21 }), ...changes }).outcome).toBe('ineffective');
  });

  it('needs no previous reading if the expression does not use it', () => {
    const expect_ = expecting('light > 100');
    expect(evaluated({ expect: expect_, last: undefined, readings: readings({ light: 101 }) }).outcome).toBe(
      'effective',
    );
  });
});

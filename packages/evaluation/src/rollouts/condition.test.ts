import { ConditionInvalid, compileCondition } from './condition.js';

describe('compileCondition', () => {
  const dark = compileCondition('light < 300');

  it.each([
    [299, true],
    [300, false],
    [301, false],
    [0, true],
    [-5, true],
    [299.999, true],
    [300.001, false],
    [1e300, false],
  ])('compares with a strict limit: light %d: %s', (light, verdict) => {
    expect(dark({ light })).toBe(verdict);
  });

  it.each([
    ['is missing', {}],
    ['is missing among others', { temperature: 21 }],
    ['is a string', { light: '299' }],
    ['is a boolean', { light: true }],
    ['is null', { light: null }],
    ['is an object', { light: { lux: 299 } }],
  ])('is undecided if the measurement %s', (_what, reading) => {
    expect(dark(reading)).toBeUndefined();
  });

  it('is decided if one side of || is enough', () => {
    const either = compileCondition('light < 300 || temperature > 30.5');
    expect(either({ temperature: 31 })).toBe(true);
    expect(either({ temperature: 30 })).toBeUndefined();
  });

  it('reads nested measurements', () => {
    expect(compileCondition('room.light < 300')({ room: { light: 12 } })).toBe(true);
  });

  it.each([
    ['light <', /the end/],
    ['lihgt(', /the end|Unexpected/i],
    ['frobnicate(light)', /frobnicate/],
    ['1 + 2', /boolean/],
    [`${'('.repeat(200)}light < 1${')'.repeat(200)}`, /nested too deeply/],
  ])('rejects %s', (text, message) => {
    expect(() => compileCondition(text)).toThrow(ConditionInvalid);
    expect(() => compileCondition(text)).toThrow(message);
  });
});

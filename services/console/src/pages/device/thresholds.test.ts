import { thresholdsOf } from './thresholds.js';

const rule = (when: string, clear?: string, enabled = true) => ({
  id: 'r',
  enabled,
  rule: { when, ...(clear && { clear }) },
});

it.each([
  ['light < 300', 'light > 330', [300, 330]],
  ['light<=-1.5 && humidity > 40', undefined, [-1.5]],
  ['last.light < 10', undefined, []],
  ['light < other', undefined, []],
  ['daylight < 10', undefined, []],
])('finds the limits of %j and %j', (when, clear, values) => {
  expect(thresholdsOf([rule(when, clear)], 'light', 'lamp-1').map(({ value }) => value)).toEqual(values);
});

it('names the rule, and leaves out disabled rules and other characters of a pattern', () => {
  expect(thresholdsOf([rule('light < 300')], 'light', 'lamp-1')[0]?.label).toBe('r: light < 300');
  expect(thresholdsOf([rule('light < 300', undefined, false)], 'light', 'lamp-1')).toEqual([]);
  expect(thresholdsOf([rule('light < 300')], 'l.ght', 'lamp-1')).toEqual([]);
});

it('leaves out rules for other devices', () => {
  const scoped = {
    ...rule('light < 300'),
    rule: { when: 'light < 300', scope: { devices: ['hall-*', 'lamp-2'] } },
  };
  expect(
    ['hall-1', 'lamp-2', 'lamp-1'].map((device) => thresholdsOf([scoped], 'light', device).length),
  ).toEqual([1, 1, 0]);
});

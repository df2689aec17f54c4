import { expect, it } from '@jest/globals';
import type { FieldConfig } from '../../document.js';
import { named, thresholdColor } from './colors.js';

const steps = (color: string) => ({
  steps: [
    { color: 'green', value: null },
    { color, value: 1 },
  ],
});

it('a value has the colour of its threshold: that of its series, or else that of its panel', () => {
  const config = {
    defaults: { unit: 'short', thresholds: steps('red') },
    overrides: [
      { matcher: { options: 'readings' }, properties: [{ id: 'thresholds', value: steps('yellow') }] },
    ],
  } satisfies FieldConfig;
  expect(thresholdColor(config, 0, 'commands')).toBe(named('green'));
  expect(thresholdColor(config, 1, 'commands')).toBe(named('red'));
  expect(thresholdColor(config, 0, 'readings')).toBe(named('green'));
  expect(thresholdColor(config, 1, 'readings')).toBe(named('yellow'));
});

import type { DeviceSetting } from './device-setting.js';
import { DEVICE_SETTINGS } from './device-settings.js';
import { TELEMETRY_INTERVAL } from './telemetry-interval.js';

describe.each<DeviceSetting>(DEVICE_SETTINGS)(
  'the setting $name',
  ({ schema, sentSchema, examples, toSent }) => {
    it('accepts its examples and sends values that devices accept', () => {
      for (const example of examples) {
        const written = schema.parse(example);
        const sent = toSent(written);
        expect(sentSchema.parse(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
      }
    });
  },
);

it('has unique names, action keys, lanes and fields', () => {
  for (const key of ['name', 'actionKey', 'lane', 'field'] as const)
    expect(new Set(DEVICE_SETTINGS.map((setting) => setting[key])).size).toBe(DEVICE_SETTINGS.length);
});

describe('the telemetry interval', () => {
  const ADAPTIVE = { min: 1000, max: 60_000, of: 'light', thresholds: [300, 330] };
  const adaptive = (threshold: number | number[]) =>
    TELEMETRY_INTERVAL.toSent({ min: '1s', max: '1m', of: 'light', threshold });

  it('is sent in milliseconds', () => {
    expect(TELEMETRY_INTERVAL.toSent('10s')).toBe(10_000);
    expect(adaptive(300)).toEqual({ ...ADAPTIVE, thresholds: [300] });
    expect(adaptive([300, 330])).toEqual(ADAPTIVE);
  });
});

import { telemetrySchemaSchema } from './telemetry-schema.js';

const places = (measurements: unknown) =>
  (telemetrySchemaSchema.safeParse({ measurements }).error?.issues ?? []).map(({ path }) => path.join('.'));

describe('telemetrySchemaSchema', () => {
  it('accepts a declaration of each type', () => {
    const schema = {
      measurements: {
        light: { type: 'number', unit: 'lx', min: 0, max: 1023 },
        led_on: { type: 'boolean', description: 'whether the lamp is lit' },
        mode: { type: 'string' },
        room: { type: 'object' },
      },
    };
    expect(telemetrySchemaSchema.parse(schema)).toEqual(schema);
  });

  it.each<[place: string, measurements: unknown]>([
    ['measurements.light.type', { light: { type: 'lux' } }],
    ['measurements.light.type', { light: {} }],
    ['measurements.light', { light: 'number' }],
    ['measurements.light', { light: { type: 'number', range: 5 } }],
    ['measurements.light.max', { light: { type: 'number', min: 5, max: 4 } }],
    ['measurements.mode.min', { mode: { type: 'string', min: 5 } }],
    ['measurements._seq', { _seq: { type: 'number' } }],
    ['measurements.constructor', { constructor: { type: 'number' } }],
    ['measurements.', { '': { type: 'number' } }],
    [
      'measurements',
      Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`m${i}`, { type: 'number' }])),
    ],
    ['measurements', []],
    ['measurements', undefined],
  ])('reports a problem at %s', (place, measurements) => {
    expect(places(measurements)).toEqual([place]);
  });
});

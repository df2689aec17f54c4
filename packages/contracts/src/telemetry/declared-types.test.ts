import { declaredTypes, misfitFault, misfitIn } from './declared-types.js';

const DECLARED = declaredTypes({
  measurements: {
    light: { type: 'number', min: 0, max: 1023 },
    led_on: { type: 'boolean' },
    mode: { type: 'string' },
    room: { type: 'object' },
  },
});
const faultOf = (value: unknown) => misfitFault(DECLARED, Buffer.from(JSON.stringify(value)));

it.each([
  [{ light: 412, led_on: true, mode: 'auto', room: { heat: 21 } }],
  [{ room: [1, 2] }],
  [{ light: null }],
  [{ light: 5000 }],
  [{ undeclared: 'x', _seq: 1 }],
])('accepts %j', (reading) => {
  expect(misfitIn(DECLARED, reading)).toBeUndefined();
  expect(faultOf(reading)).toBeUndefined();
});

it.each([
  [
    { light: '412' },
    '/light',
    '`light` is the string "412"; the fleet\'s telemetry schema declares a number',
  ],
  [{ light: true }, '/light', "`light` is true; the fleet's telemetry schema declares a number"],
  [{ led_on: 1 }, '/led_on', "`led_on` is 1; the fleet's telemetry schema declares true or false"],
  [{ mode: 3 }, '/mode', "`mode` is 3; the fleet's telemetry schema declares a string"],
  [
    { room: 'hall' },
    '/room',
    '`room` is the string "hall"; the fleet\'s telemetry schema declares an object or a list',
  ],
  [
    [{ light: 1 }, { light: [] }],
    '/1/light',
    "reading 2 of 2: `light` is a list; the fleet's telemetry schema declares a number",
  ],
])('explains the misfit in %j', (value, field, problem) => {
  expect(faultOf(value)).toEqual({ reason: 'type', field, problem });
});

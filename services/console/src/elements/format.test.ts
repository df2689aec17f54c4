import { number, span, valueText } from './format.js';

it.each([
  [0, '0 ms'],
  [812.4, '812 ms'],
  [12_900, '12 s'],
  [119_999, '119 s'],
  [180_000, '3 min'],
  [7_300_000, '2 h'],
  [432_000_000, '5 d'],
])('shows a span of %d ms as %s', (ms, text) => expect(span(ms)).toBe(text));

it.each([
  [1234, '1,234'],
  [25.123, '25.1'],
  [0.00421, '0.00421'],
  [12_345.6, '12,346'],
])('shows %d as %s', (value, text) => expect(number(value)).toBe(text));

it('shows values of a device as text', () => {
  expect([true, 'a<b>', { x: 1 }, null].map(valueText)).toEqual(['on', 'a<b>', '{"x":1}', 'null']);
});

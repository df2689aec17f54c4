import { Takeovers } from './takeovers.js';

const MINUTE = 60_000;

it('reports a client id that is taken over three times within five minutes', () => {
  const takeovers = new Takeovers();
  takeovers.record('x', 0);
  takeovers.record('x', MINUTE);
  takeovers.record('y', MINUTE);
  expect(takeovers.contested(MINUTE)).toBe(0);
  takeovers.record('x', 2 * MINUTE);
  expect(takeovers.contested(2 * MINUTE)).toBe(1);
  expect(takeovers.contested(6 * MINUTE)).toBe(0);
});

it('tolerates occasional takeovers', () => {
  const takeovers = new Takeovers();
  for (let at = 0; at < 60 * MINUTE; at += 3 * MINUTE) takeovers.record('x', at);
  expect(takeovers.contested(57 * MINUTE)).toBe(0);
});

it('detects a contested client id among a flood of others', () => {
  const takeovers = new Takeovers();
  for (let i = 0; i < 5000; i += 1) {
    takeovers.record(`other-${i}`, i);
    if (i % 500 === 0) takeovers.record('x', i);
  }
  expect(takeovers.contested(5000)).toBe(1);
});

import { stateFromEdge } from './state-from-edge.js';

const NOW = 1_800_000_000_000;
const rule = { since: 2, run: undefined };
const reported = { since: 2, raised: true, at: NOW - 5000, emittedAt: NOW - 5000 };
const before = { since: 2, raised: false, at: NOW - 60_000, emittedAt: NOW - 60_000, loop: 7 };

describe('stateFromEdge', () => {
  it('returns the state of the device if it is newer', () => {
    expect(stateFromEdge(rule, before, reported, NOW)).toMatchObject({ ...reported, loop: 7 });
    expect(stateFromEdge(rule, undefined, reported, NOW)).toMatchObject(reported);
  });

  it.each([
    ['the server decided later', rule, { ...before, emittedAt: NOW - 1000 }],
    ['the decision is already known', rule, { ...before, at: reported.at }],
    ['the rule has changed', { ...rule, since: 3 }, before],
  ])('keeps the state of the server if %s', (_why, current, own) => {
    expect(stateFromEdge(current, own, reported, NOW)).toBeUndefined();
  });

  it('cuts times to now and a run to its maximum', () => {
    const ahead = { ...reported, at: NOW + 9e6, emittedAt: NOW + 9e6, runUntil: NOW + 9e9 };
    const run = { seconds: undefined as never, maxMs: 60_000 };
    expect(stateFromEdge({ since: 2, run }, before, ahead, NOW)).toMatchObject({
      at: NOW,
      emittedAt: NOW,
      runUntil: NOW + 60_000,
    });
  });
});

import { stateFromEdge } from './state-from-edge.js';

const NOW = 1_800_000_000_000;
const rule = { since: 2, run: undefined };
const told = { since: 2, raised: true, at: NOW - 5000, emittedAt: NOW - 5000 };
const before = { since: 2, raised: false, at: NOW - 60_000, emittedAt: NOW - 60_000, loop: 7 };

describe('what a rule goes on from when its device is back', () => {
  it('is what the device decided last, if that is newer', () => {
    expect(stateFromEdge(rule, before, told, NOW)).toMatchObject({ ...told, loop: 7 });
    expect(stateFromEdge(rule, undefined, told, NOW)).toMatchObject(told);
  });

  it.each([
    ['the server has decided since', rule, { ...before, emittedAt: NOW - 1000 }],
    ['it is known already', rule, { ...before, at: told.at }],
    ['the rule has changed', { ...rule, since: 3 }, before],
  ])("is the server's own if %s", (_why, present, own) => {
    expect(stateFromEdge(present, own, told, NOW)).toBeUndefined();
  });

  it('never lies in the future, and a run ends within its longest time', () => {
    const ahead = { ...told, at: NOW + 9e6, emittedAt: NOW + 9e6, runUntil: NOW + 9e9 };
    const run = { seconds: undefined as never, maxMs: 60_000 };
    expect(stateFromEdge({ since: 2, run }, before, ahead, NOW)).toMatchObject({
      at: NOW,
      emittedAt: NOW,
      runUntil: NOW + 60_000,
    });
  });
});

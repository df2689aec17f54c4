import { jest } from '@jest/globals';
import { type Redis } from '@lamplighter/store/redis/connect';
import { GroupStates } from './group-states.js';

const NAME = { fleet: 'demo', rule: 'stadium' };
const STATE = { since: 1, begun: 5, toldAt: 7 };

let now = 0;
let groupStates: GroupStates;
beforeEach(() => {
  now = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  groupStates = new GroupStates({} as Redis);
});
afterEach(() => {
  jest.restoreAllMocks();
});
const needsRead = (wouldReassert: boolean) => groupStates.needsRead(NAME, () => wouldReassert);

it('caches a state for ten seconds', () => {
  expect([groupStates.of(NAME), needsRead(false)]).toEqual([undefined, true]);
  groupStates.set(NAME, STATE);
  expect([groupStates.of(NAME), needsRead(true)]).toEqual([STATE, false]);
  now += 9999;
  expect(needsRead(false)).toBe(false);
  now += 1;
  expect(needsRead(false)).toBe(true);
});

it('reads a state again before a target gets its command again', () => {
  groupStates.set(NAME, STATE);
  now += 101;
  expect([needsRead(false), needsRead(true)]).toEqual([false, true]);
});

it('caches that a group has no decision yet', () => {
  groupStates.set(NAME, undefined);
  now += 9999;
  expect([groupStates.of(NAME), needsRead(true)]).toEqual([undefined, false]);
});

it('caches at most 10,000 groups', () => {
  for (let i = 0; i < 10_001; i += 1) groupStates.set({ fleet: 'demo', rule: `r${i}` }, STATE);
  expect([0, 9999, 10_000].map((i) => groupStates.of({ fleet: 'demo', rule: `r${i}` }))).toEqual([
    undefined,
    undefined,
    STATE,
  ]);
});

import { jest } from '@jest/globals';
import { type Redis } from '@lamplighter/store/redis/connect';
import { GroupVerdicts, parseGroupState } from './group-verdicts.js';

const NAME = { fleet: 'demo', rule: 'stadium' };
const STATE = { since: 1, begun: 5, toldAt: 7 };

let now = 0;
let groupVerdicts: GroupVerdicts;
beforeEach(() => {
  now = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  groupVerdicts = new GroupVerdicts({} as Redis);
});
afterEach(() => {
  jest.restoreAllMocks();
});
const isUnsure = (wouldTell: boolean) => groupVerdicts.needsRead(NAME, () => wouldTell);

it('what was decided is not known before it was read, and sure for a while then', () => {
  expect([groupVerdicts.of(NAME), isUnsure(false)]).toEqual([undefined, true]);
  groupVerdicts.set(NAME, STATE);
  expect([groupVerdicts.of(NAME), isUnsure(true)]).toEqual([STATE, false]);
  now += 9999;
  expect(isUnsure(false)).toBe(false);
  now += 1;
  expect(isUnsure(false)).toBe(true);
});

it('it is asked for once more before a target is told again', () => {
  groupVerdicts.set(NAME, STATE);
  now += 101;
  expect([isUnsure(false), isUnsure(true)]).toEqual([false, true]);
});

it('a group that has decided nothing is not asked for with every reading', () => {
  groupVerdicts.set(NAME, undefined);
  now += 9999;
  expect([groupVerdicts.of(NAME), isUnsure(true)]).toEqual([undefined, false]);
});

it('no more than 10,000 groups are kept', () => {
  for (let i = 0; i < 10_001; i += 1) groupVerdicts.set({ fleet: 'demo', rule: `r${i}` }, STATE);
  expect([0, 9999, 10_000].map((i) => groupVerdicts.of({ fleet: 'demo', rule: `r${i}` }))).toEqual([
    undefined,
    undefined,
    STATE,
  ]);
});

it('a state that somebody has written by hand is none', () => {
  expect(['', '{broken', JSON.stringify(STATE)].map(parseGroupState)).toEqual([undefined, undefined, STATE]);
});

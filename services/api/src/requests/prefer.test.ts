import { preferredWait } from './prefer.js';

describe('preferredWait', () => {
  it.each<[header: string | string[] | undefined, seconds: number | undefined]>([
    ['wait=10', 10],
    ['WAIT=10', 10],
    ['wait = 10', 10],
    ['wait="10"', 10],
    ['wait=10; foo=bar', 10],
    ['respond-async, wait=10', 10],
    ['respond-async; a="b, wait=3", wait=10', 10],
    ['return=minimal,wait=7', 7],
    [['return=minimal', 'wait=7'], 7],
    ['wait=1', 1],
    ['wait=60', 60],
    ['wait=61', 60],
    ['wait=999999999', 60],
    ['wait=5, wait=20', 5],
    ['wait=soon, wait=20', undefined],
    ['wait=0', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=1e3', undefined],
    ['wait=9999999999', undefined],
    ['wait=', undefined],
    ['wait', undefined],
    ['waiting=10', undefined],
    ['x="wait=10"', undefined],
    ['a="\\", wait=3", wait=10', 10],
    ['a="b, wait=10', undefined],
    ['wait="10', undefined],
    ['wait=10;', 10],
    ['"', undefined],
    [',,;=', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('Prefer: %j waits %j s', (prefer, seconds) => {
    expect(preferredWait({ prefer } as Record<string, string>)).toBe(seconds);
  });
});

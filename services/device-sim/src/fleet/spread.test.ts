import { jest } from '@jest/globals';
import { Spread } from './spread.js';

/** A spread over 4 devices and 1000 ms with a fake clock. */
function spreadOf4() {
  jest.useFakeTimers();
  const visits: number[] = [];
  const spread = new Spread(4, 1000, (index) => visits.push(index));
  spread.start();
  return { visits, spread };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('Spread', () => {
  it('visits every item once per interval, evenly', () => {
    const { visits, spread } = spreadOf4();
    jest.advanceTimersByTime(550);
    expect(visits).toEqual([0, 1]);
    jest.advanceTimersByTime(1000);
    expect(visits).toEqual([0, 1, 2, 3, 0, 1]);
    spread.stop();
    jest.advanceTimersByTime(5000);
    expect(visits).toHaveLength(6);
  });

  it('skips rounds missed during a pause', () => {
    const { visits, spread } = spreadOf4();
    const later = performance.now() + 60_000;
    jest.setSystemTime(Date.now() + 60_000);
    jest.spyOn(performance, 'now').mockReturnValue(later);
    jest.advanceTimersByTime(50);
    expect(visits).toHaveLength(4);
    spread.stop();
  });
});

import { ListeningClock } from './listening-clock.js';

describe('ListeningClock', () => {
  let now = 0;
  const checkAfter = (clock: ListeningClock, ms: number, isInterrupted = false) => {
    now += ms;
    clock.check(isInterrupted);
    return clock.listeningMs;
  };

  it('counts from the start without interruptions', () => {
    const clock = new ListeningClock(() => now);
    expect([checkAfter(clock, 1000), checkAfter(clock, 1000)]).toEqual([1000, 2000]);
  });

  it('restarts after an interruption', () => {
    const clock = new ListeningClock(() => now);
    expect([checkAfter(clock, 1000), checkAfter(clock, 1000, true), checkAfter(clock, 1000)]).toEqual([
      1000, 0, 1000,
    ]);
  });

  it('restarts after a gap between checks', () => {
    const clock = new ListeningClock(() => now);
    expect([checkAfter(clock, 1000), checkAfter(clock, 60_000), checkAfter(clock, 500)]).toEqual([
      1000, 0, 500,
    ]);
  });
});

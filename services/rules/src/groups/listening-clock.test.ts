import { ListeningClock } from './listening-clock.js';

describe('listening', () => {
  let now = 0;
  const later = (ears: ListeningClock, ms: number, isDeaf = false) => {
    now += ms;
    ears.check(isDeaf);
    return ears.listeningMs;
  };

  it('lasts since the start, as long as everything can be heard', () => {
    const ears = new ListeningClock(() => now);
    expect([later(ears, 1000), later(ears, 1000)]).toEqual([1000, 2000]);
  });

  it('begins anew after the broker or Redis was away', () => {
    const ears = new ListeningClock(() => now);
    expect([later(ears, 1000), later(ears, 1000, true), later(ears, 1000)]).toEqual([1000, 0, 1000]);
  });

  it('begins anew after this process was stopped', () => {
    const ears = new ListeningClock(() => now);
    expect([later(ears, 1000), later(ears, 60_000), later(ears, 500)]).toEqual([1000, 0, 500]);
  });
});

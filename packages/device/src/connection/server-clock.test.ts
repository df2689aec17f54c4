import { ServerClock } from './server-clock.js';

const NOW = 1_800_000_000_000;
const YEAR = 365 * 24 * 3_600_000;

/** A device whose clock is off by `error`; `true` is the correct time. */
function deviceWith(error: number) {
  const time = { true: NOW, error };
  const clock = new ServerClock(
    () => time.true + time.error,
    () => time.true - NOW + 1000,
  );
  return { time, clock };
}

describe('ServerClock', () => {
  it('returns the device time without samples', () => {
    expect(deviceWith(YEAR).clock.now()).toBe(NOW + YEAR);
  });

  it.each([-2000, -700, 0, 1500])('returns the device time if it is off by %i ms', (error) => {
    const { clock } = deviceWith(error);
    clock.observe(NOW, 10);
    expect(clock.now()).toBe(NOW + error);
  });

  it.each([-YEAR, -10_000, 60_000, YEAR])('corrects a device clock that is off by %i ms', (error) => {
    const { clock, time } = deviceWith(error);
    clock.observe(NOW, 500);
    expect(clock.now()).toBe(NOW);
    time.true += 60_000;
    expect(clock.now()).toBe(NOW + 60_000);
  });

  it('uses the largest of the last samples', () => {
    const { clock } = deviceWith(YEAR);
    clock.observe(NOW - 4000, 5000);
    clock.observe(NOW - 300, 5000);
    clock.observe(NOW - 2000, 5000);
    expect(clock.now()).toBe(NOW - 300);
  });

  it('ignores a delayed command if the device clock is correct', () => {
    const { clock } = deviceWith(0);
    clock.observe(NOW - 50_000, 60_000);
    expect(clock.now()).toBe(NOW);
  });

  it.each([1, 5])('ignores a stall before the broker that delays %i commands', (held) => {
    const { clock } = deviceWith(0);
    for (let i = 0; i < held; i += 1) clock.observe(NOW - 20_000 + 100 * i, 10);
    expect(clock.now()).toBe(NOW);
  });

  it('corrects a clock that is slightly ahead once commands arrive some time apart', () => {
    const { clock, time } = deviceWith(10_000);
    clock.observe(NOW, 10);
    time.true += 1000;
    clock.observe(time.true, 10);
    expect(clock.now()).toBe(time.true + 10_000);
    time.true += 9000;
    clock.observe(time.true, 10);
    expect(clock.now()).toBe(time.true);
  });

  it('returns the exact time of a correct clock if one of the last commands was delayed', () => {
    const { clock } = deviceWith(0);
    clock.observe(NOW + 700, 10);
    clock.observe(NOW - 20_000, 10);
    expect(clock.now()).toBe(NOW);
  });

  it('returns the time of a correct clock after a stall that delays more commands than it keeps samples', () => {
    const { clock, time } = deviceWith(0);
    clock.observe(NOW, 10);
    time.true += 60_000;
    for (let i = 0; i < 20; i += 1) clock.observe(time.true - 20_000 + 100 * i, 10);
    expect(clock.now()).toBe(time.true);
  });

  it('evicts old samples', () => {
    const { clock, time } = deviceWith(YEAR);
    clock.observe(NOW + 5000, 0);
    for (let i = 0; i < 8; i += 1) {
      time.true += 2000;
      clock.observe(time.true, 0);
    }
    expect(clock.now()).toBe(time.true);
  });

  it('survives a change of the device clock', () => {
    const { clock, time } = deviceWith(-YEAR);
    clock.observe(NOW, 100);
    time.error = 300;
    expect(clock.now()).toBe(NOW + 300);
    time.error = YEAR;
    expect(clock.now()).toBe(NOW);
  });
});

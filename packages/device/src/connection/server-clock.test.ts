import { ServerClock } from './server-clock.js';

const NOW = 1_800_000_000_000;
const YEAR = 365 * 24 * 3_600_000;

/** A device whose clock is off by `error`; `true` is the right time. */
function deviceWith(error: number) {
  const time = { true: NOW, error };
  const clock = new ServerClock(
    () => time.true + time.error,
    () => time.true - NOW + 1000,
  );
  return { time, clock };
}

describe("the server's time on a device", () => {
  it("is the device's own as long as nothing is known", () => {
    expect(deviceWith(YEAR).clock.now()).toBe(NOW + YEAR);
  });

  it.each([-2000, -700, 0, 1500])("is the device's own if that is %i ms off", (error) => {
    const { clock } = deviceWith(error);
    clock.observe(NOW, 10);
    expect(clock.now()).toBe(NOW + error);
  });

  it.each([-YEAR, -10_000, 60_000, YEAR])('is corrected if the clock is %i ms off', (error) => {
    const { clock, time } = deviceWith(error);
    clock.observe(NOW, 500);
    expect(clock.now()).toBe(NOW);
    time.true += 60_000;
    expect(clock.now()).toBe(NOW + 60_000);
  });

  it('is the best of the last few samples: a command may have waited, but never came before it was sent', () => {
    const { clock } = deviceWith(YEAR);
    clock.observe(NOW - 4000, 5000);
    clock.observe(NOW - 300, 5000);
    clock.observe(NOW - 2000, 5000);
    expect(clock.now()).toBe(NOW - 300);
  });

  it('is not held back by a command that waited on the way: a right clock stays right', () => {
    const { clock } = deviceWith(0);
    clock.observe(NOW - 50_000, 60_000);
    expect(clock.now()).toBe(NOW);
  });

  it.each([1, 5])('is not held back by a stall before the broker, which held %i commands', (held) => {
    const { clock } = deviceWith(0);
    for (let i = 0; i < held; i += 1) clock.observe(NOW - 20_000 + 100 * i, 10);
    expect(clock.now()).toBe(NOW);
  });

  it('is known from commands that came some time apart, if the clock is ahead by no more than a stall takes', () => {
    const { clock, time } = deviceWith(10_000);
    clock.observe(NOW, 10);
    time.true += 1000;
    clock.observe(time.true, 10);
    expect(clock.now()).toBe(time.true + 10_000);
    time.true += 9000;
    clock.observe(time.true, 10);
    expect(clock.now()).toBe(time.true);
  });

  it('stays that of a right clock to the millisecond when one of the last commands was held up', () => {
    const { clock } = deviceWith(0);
    clock.observe(NOW + 700, 10);
    clock.observe(NOW - 20_000, 10);
    expect(clock.now()).toBe(NOW);
  });

  it('stays that of a right clock when a stall held up more commands than count', () => {
    const { clock, time } = deviceWith(0);
    clock.observe(NOW, 10);
    time.true += 60_000;
    for (let i = 0; i < 20; i += 1) clock.observe(time.true - 20_000 + 100 * i, 10);
    expect(clock.now()).toBe(time.true);
  });

  it('forgets old samples', () => {
    const { clock, time } = deviceWith(YEAR);
    clock.observe(NOW + 5000, 0);
    for (let i = 0; i < 8; i += 1) {
      time.true += 2000;
      clock.observe(time.true, 0);
    }
    expect(clock.now()).toBe(time.true);
  });

  it('is not spoiled when the device clock is set', () => {
    const { clock, time } = deviceWith(-YEAR);
    clock.observe(NOW, 100);
    time.error = 300;
    expect(clock.now()).toBe(NOW + 300);
    time.error = YEAR;
    expect(clock.now()).toBe(NOW);
  });
});

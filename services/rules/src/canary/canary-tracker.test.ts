import { CanaryTracker } from './canary-tracker.js';

function underTest() {
  let now = 1000;
  const canaries = new CanaryTracker(1, () => now);
  const stored = new Set<number>();
  return {
    canaries,
    later: (ms: number) => {
      now += ms;
    },
    /** Sends one every five seconds; those whose turn says so are taken away. */
    fly(count: number, isTaken: (turn: number) => boolean = () => false) {
      const ends = { arrived: 0, lost: 0 };
      for (let turn = 0; turn < count; turn += 1) {
        const number = canaries.send();
        if (!isTaken(turn)) stored.add(number);
        now += 5000;
        const { arrived, lost } = canaries.update(stored);
        ends.arrived += arrived;
        ends.lost += lost;
      }
      return ends;
    },
    arrive: (number: number) => stored.add(number) && canaries.update(stored),
  };
}

describe('canaries', () => {
  it('that all come through say that everything is heard', () => {
    const { canaries, fly } = underTest();
    expect(fly(30)).toEqual({ arrived: 30, lost: 0 });
    expect([canaries.isOverdue, canaries.missing]).toEqual([false, undefined]);
  });

  it('are overdue after two seconds, until one comes through', () => {
    const { canaries, later, arrive } = underTest();
    const first = canaries.send();
    later(1900);
    expect(canaries.isOverdue).toBe(false);
    later(200);
    expect(canaries.isOverdue).toBe(true);
    const second = canaries.send();
    arrive(first);
    expect([canaries.isOverdue, canaries.heardUntil]).toEqual([false, 1000]);
    arrive(second);
    expect([canaries.isOverdue, canaries.heardUntil]).toEqual([false, 3100]);
  });

  it('of which others take a share are missing, and are no more when that ends', () => {
    const { canaries, fly } = underTest();
    fly(10, (turn) => turn % 3 === 0);
    expect(canaries.missing).toMatchObject({ lost: 3 });
    fly(30);
    expect(canaries.missing).toBeUndefined();
  });

  it('of which one is lost now and then do not alarm anyone', () => {
    const { canaries, fly } = underTest();
    expect(fly(30, (turn) => turn % 12 === 0)).toEqual({ arrived: 27, lost: 3 });
    expect(canaries.missing).toBeUndefined();
  });

  it('are not lost while none comes through, nor if the broker did not take them', () => {
    const { canaries, fly, later, arrive } = underTest();
    fly(3);
    const frozen = [canaries.send(), canaries.send()];
    later(60_000);
    const refused = canaries.send();
    canaries.withdraw(refused);
    expect(frozen.map((number) => arrive(number))).toEqual([
      { arrived: 1, lost: 0 },
      { arrived: 1, lost: 0 },
    ]);
    later(60_000);
    expect(fly(2)).toEqual({ arrived: 2, lost: 0 });
  });

  it('are forgotten if more are under way than can be', () => {
    const { canaries, later, arrive } = underTest();
    const first = canaries.send();
    for (let i = 0; i < 64; i += 1) canaries.send();
    later(1000);
    expect(arrive(first)).toEqual({ arrived: 0, lost: 0 });
  });
});

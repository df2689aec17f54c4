import { CanaryTracker } from './canary-tracker.js';

function underTest() {
  let now = 1000;
  const canaries = new CanaryTracker(1, () => now);
  const stored = new Set<number>();
  return {
    canaries,
    advance: (ms: number) => {
      now += ms;
    },
    /** Sends canaries every five seconds; some are lost. */
    send(count: number, isLost: (turn: number) => boolean = () => false) {
      const counts = { arrived: 0, lost: 0 };
      for (let turn = 0; turn < count; turn += 1) {
        const number = canaries.send();
        if (!isLost(turn)) stored.add(number);
        now += 5000;
        const { arrived, lost } = canaries.update(stored);
        counts.arrived += arrived;
        counts.lost += lost;
      }
      return counts;
    },
    arrive: (number: number) => stored.add(number) && canaries.update(stored),
  };
}

describe('CanaryTracker', () => {
  it('reports no problem while all canaries arrive', () => {
    const { canaries, send } = underTest();
    expect(send(30)).toEqual({ arrived: 30, lost: 0 });
    expect([canaries.isOverdue, canaries.losses]).toEqual([false, undefined]);
  });

  it('reports an overdue canary after two seconds, until one arrives', () => {
    const { canaries, advance, arrive } = underTest();
    const first = canaries.send();
    advance(1900);
    expect(canaries.isOverdue).toBe(false);
    advance(200);
    expect(canaries.isOverdue).toBe(true);
    const second = canaries.send();
    arrive(first);
    expect([canaries.isOverdue, canaries.receivedUntil]).toEqual([false, 1000]);
    arrive(second);
    expect([canaries.isOverdue, canaries.receivedUntil]).toEqual([false, 3100]);
  });

  it('reports losses while a share of the canaries is lost', () => {
    const { canaries, send } = underTest();
    send(10, (turn) => turn % 3 === 0);
    expect(canaries.losses).toMatchObject({ lost: 3 });
    send(30);
    expect(canaries.losses).toBeUndefined();
  });

  it('tolerates an occasional loss', () => {
    const { canaries, send } = underTest();
    expect(send(30, (turn) => turn % 12 === 0)).toEqual({ arrived: 27, lost: 3 });
    expect(canaries.losses).toBeUndefined();
  });

  it('counts no losses while none arrives, nor canaries that the broker did not accept', () => {
    const { canaries, send, advance, arrive } = underTest();
    send(3);
    const frozen = [canaries.send(), canaries.send()];
    advance(60_000);
    const rejected = canaries.send();
    canaries.withdraw(rejected);
    expect(frozen.map((number) => arrive(number))).toEqual([
      { arrived: 1, lost: 0 },
      { arrived: 1, lost: 0 },
    ]);
    advance(60_000);
    expect(send(2)).toEqual({ arrived: 2, lost: 0 });
  });

  it('drops the oldest canaries beyond the limit', () => {
    const { canaries, advance, arrive } = underTest();
    const first = canaries.send();
    for (let i = 0; i < 64; i += 1) canaries.send();
    advance(1000);
    expect(arrive(first)).toEqual({ arrived: 0, lost: 0 });
  });
});

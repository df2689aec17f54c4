import type { KnownDevice } from '../cache/known-device.js';
import type { PendingReading } from '../evaluation/evaluate-part.js';
import { Batch } from './batch.js';

const [lamp, fan] = [{}, {}] as [KnownDevice, KnownDevice];
const reading = (seq: number) => ({ seq }) as PendingReading;

describe('Batch', () => {
  it('keeps the readings of each device in order', () => {
    const batch = new Batch();
    batch.add(lamp, reading(1));
    batch.add(fan, reading(1));
    batch.add(lamp, reading(2));
    expect([...batch.pending.values()]).toEqual([[reading(1), reading(2)], [reading(1)]]);
  });

  it('counts rejected readings by device and reason, and collects their sequence numbers', () => {
    const batch = new Batch();
    batch.reject(lamp, 'schema', 1);
    batch.reject(lamp, 'schema', undefined);
    batch.reject(lamp, 'clock', 3);
    batch.reject(fan, 'clock', 1);
    expect(batch.rejected.get(lamp)).toEqual({
      seqs: [1, 3],
      reasons: new Map([
        ['schema', 2],
        ['clock', 1],
      ]),
    });
    expect(batch.rejected.get(fan)).toEqual({ seqs: [1], reasons: new Map([['clock', 1]]) });
  });

  it('of timers has devices without readings', () => {
    const batch = Batch.ofTimers([lamp], 5);
    expect([batch.pending.get(lamp), batch.listeningSince]).toEqual([[], 5]);
  });
});

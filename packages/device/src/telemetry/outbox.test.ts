import fc from 'fast-check';
import { MemoryStorage } from '../storage/storage.js';
import { Outbox, type OutboxLimits } from './outbox.js';

const MOST = { readings: 500, bytes: 262_144 };
const SIZE = 10;
/** A reading of ten bytes. */
const text = (seq: number) => String(seq).padStart(SIZE, '0');

/** Adds a reading if there is room; returns the readings dropped for it, or `dropped`. */
function keep(outbox: Outbox, seq: number): number[] | 'dropped' {
  const room = outbox.roomFor(() => text(seq));
  if (room === undefined) return 'dropped';
  outbox.keep(seq, room, []);
  return [...room.leaving];
}

function outboxOf(limits: Partial<OutboxLimits>, storage = new MemoryStorage()) {
  return new Outbox(storage, { readings: 3, bytes: 1_000_000, drop: 'oldest', ...limits });
}

const contents = (outbox: Outbox) => outbox.batch(0, MOST).seqs;

describe('Outbox', () => {
  it('drops the oldest reading for a new one when it is full', () => {
    const outbox = outboxOf({});
    expect([1, 2, 3, 4].map((seq) => keep(outbox, seq))).toEqual([[], [], [], [1]]);
    expect(contents(outbox)).toEqual([2, 3, 4]);
  });

  it('drops the new reading when it is full and drop is newest', () => {
    const outbox = outboxOf({ drop: 'newest' });
    expect([1, 2, 3, 4].map((seq) => keep(outbox, seq))).toEqual([[], [], [], 'dropped']);
    expect(contents(outbox)).toEqual([1, 2, 3]);
  });

  it('limits its bytes', () => {
    const outbox = outboxOf({ readings: 100, bytes: 5 * SIZE });
    for (let seq = 1; seq <= 9; seq += 1) keep(outbox, seq);
    expect(contents(outbox)).toEqual([5, 6, 7, 8, 9]);
    expect(outbox.roomFor(() => 'x'.repeat(5 * SIZE + 1))).toBeUndefined();
    expect(contents(outbox)).toEqual([5, 6, 7, 8, 9]);
  });

  it('never drops a sent reading, since the server may have stored it', () => {
    const outbox = outboxOf({});
    for (const seq of [1, 2, 3]) keep(outbox, seq);
    outbox.markSent(2);
    expect(keep(outbox, 4)).toEqual([3]);
    outbox.markSent(4);
    expect(keep(outbox, 5)).toBe('dropped');
  });

  it('removes the readings of a receipt, and ignores unknown ones', () => {
    const outbox = outboxOf({});
    for (const seq of [1, 2, 3]) keep(outbox, seq);
    outbox.markSent(2);
    expect(outbox.filterSent([2, 2, 3, 99])).toEqual([2]);
    outbox.release([2]);
    expect(outbox.filterSent([2])).toEqual([]);
    expect(contents(outbox)).toEqual([1, 3]);
  });

  it('fills a message up to its limits, with at least one reading', () => {
    const outbox = outboxOf({ readings: 10 });
    for (let seq = 1; seq <= 5; seq += 1) keep(outbox, seq);
    expect(outbox.batch(1, { readings: 2, bytes: 1000 }).seqs).toEqual([2, 3]);
    const exactly3 = outbox.batch(0, { readings: 500, bytes: 2 + 3 * (SIZE + 1) });
    expect(exactly3.seqs).toEqual([1, 2, 3]);
    expect(`[${exactly3.texts.join(',')}]`.length).toBeLessThanOrEqual(2 + 3 * (SIZE + 1));
    expect(outbox.batch(0, { readings: 500, bytes: 1 }).seqs).toEqual([1]);
    expect(outbox.batch(5, MOST).seqs).toEqual([]);
  });
});

describe('Outbox compared with a model', () => {
  type Step =
    | { readonly do: 'keep' }
    | { readonly do: 'send'; readonly most: number }
    | { readonly do: 'receipt'; readonly picks: readonly number[] }
    | { readonly do: 'restart' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ do: 'keep' } as const) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('send' as const), most: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('receipt' as const),
        picks: fc.array(fc.nat(60), { maxLength: 6 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' } as const) },
  );
  const limits = fc.record({
    readings: fc.integer({ min: 1, max: 6 }),
    bytes: fc.integer({ min: 1, max: 80 }),
    drop: fc.constantFrom('oldest' as const, 'newest' as const),
  });

  it('holds the same readings in order, within its limits, and reports every loss', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (given, steps) => {
        const storage = new MemoryStorage();
        let outbox = new Outbox(storage, given);
        let held: number[] = [];
        let sent = 0;
        let taken = 0;
        const gone = { dropped: 0, receipted: 0 };
        const most = Math.min(given.readings, Math.floor(given.bytes / SIZE));

        for (const next of steps) {
          if (next.do === 'keep') {
            taken += 1;
            const seq = taken;
            const unsent = held.filter((seq) => seq > sent);
            const victims = given.drop === 'oldest' ? Math.max(0, held.length + 1 - most) : 0;
            const fits = held.length - victims + 1 <= most && victims <= unsent.length;
            const leaving = unsent.slice(0, victims);
            expect(keep(outbox, seq)).toEqual(fits ? leaving : 'dropped');
            if (fits) held = [...held.filter((seq) => !leaving.includes(seq)), seq];
            gone.dropped += fits ? victims : 1;
          } else if (next.do === 'send') {
            const { seqs } = outbox.batch(sent, { readings: next.most, bytes: 1_000_000 });
            expect(seqs).toEqual(held.filter((seq) => seq > sent).slice(0, next.most));
            sent = seqs.at(-1) ?? sent;
            outbox.markSent(sent);
          } else if (next.do === 'receipt') {
            const known = [...new Set(next.picks)].filter((seq) => held.includes(seq) && seq <= sent);
            expect(outbox.filterSent(next.picks)).toEqual(known);
            outbox.release(known);
            held = held.filter((seq) => !known.includes(seq));
            gone.receipted += known.length;
          } else {
            outbox = new Outbox(storage, given);
          }
          expect(contents(outbox)).toEqual(held);
          expect(outbox.size).toBe(held.length);
          expect(taken).toBe(gone.dropped + gone.receipted + outbox.size);
          expect(outbox.size).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});

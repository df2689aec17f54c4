import { type ArrivalOptions, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import fc from 'fast-check';
import { withDevice } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { type Device, readDevice, readWindow } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { WINDOW_SIZE } from '../keys.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

interface Numbers {
  _seq?: number;
  _at?: number;
}
const light = (value: number, numbers: Numbers = {}, way: ArrivalOptions = {}) => ({
  ...reading({ light: value, ...numbers }),
  ...way,
});
const accept = (value: number, numbers: Numbers = {}, way: ArrivalOptions = {}) =>
  rules.accept(lamp, [light(value, numbers, way)]);
const device = (): Promise<Device | undefined> => readDevice(store.redis, lamp.fleet, lamp.device);
const lastLight = async () => (await device())?.last?.measurements.light;
const birth = (session: number, telemetry: 'latest' | 'keep' = 'latest') =>
  recordPresence(store.redis, [{ address: lamp, message: { online: true, session, telemetry } }]);
/** The values of `light` in the window, oldest first; history is marked. */
async function lights(): Promise<string> {
  const window = await readWindow(store.redis, lamp.fleet, lamp.device, WINDOW_SIZE);
  const texts = window.map(
    ({ measurements, history }) => `${measurements.light}${history === undefined ? '' : ` ${history}`}`,
  );
  return texts.reverse().join(', ');
}
const MAX = Number.MAX_SAFE_INTEGER;

describe('a restarted counter', () => {
  it('is recognised immediately by a later device time', async () => {
    const at = Date.now();
    await accept(900, { _seq: MAX, _at: at - 5000 });
    expect(await accept(100, { _seq: 1, _at: at })).toMatchObject({ restarted: 'counter' });
    expect(await lastLight()).toBe(100);
  });

  it.each(['latest', 'keep'] as const)(
    'is recognised immediately in a new session of a %s device',
    async (policy) => {
      await birth(1, policy);
      await accept(900, { _seq: 1000 });
      await birth(2, policy);
      expect(await accept(100, { _seq: 1 })).toMatchObject({ restarted: 'session' });
      await accept(101, { _seq: 2 });
      expect(await lights()).toBe('900, 100, 101');
    },
  );

  it('is recognised immediately by a number that the window has with other content', async () => {
    for (const seq of [1, 2, 3]) await accept(900, { _seq: seq });
    await accept(100, { _seq: 1 });
    expect(await lastLight()).toBe(100);
  });

  it.each<[what: string, before: number[], restarted: number[]]>([
    ['a device that boots again', [1000], [1, 2, 3]],
    ['a counter of 16 bits that overflows', [65_534, 65_535], [0, 1, 2]],
    ['a single number that is the largest possible', [7, 8, MAX], [9, 10, 11]],
  ])('is recognised by the third consecutive reading: %s', async (_what, before, restarted) => {
    for (const seq of before) await accept(900, { _seq: seq });
    for (const seq of restarted) {
      expect(await lastLight()).toBe(900);
      await accept(100 + seq, { _seq: seq });
    }
    expect(await lastLight()).toBe(100 + restarted.at(-1)!);
    expect(await accept(1, { _seq: restarted.at(-1)! + 1 })).toEqual({ kind: 'accepted', commands: [] });
  });

  it('is recognised by the eighth consecutive reading if two programs restart with the same id', async () => {
    await accept(900, { _seq: 1_000_000 });
    const restarted = [1, 5000, 2, 5001, 3, 5002, 4, 5003];
    const outcomes: boolean[] = [];
    for (const seq of restarted) outcomes.push((await accept(100, { _seq: seq })).restarted === 'counter');
    expect(outcomes).toEqual([false, false, false, false, false, false, false, true]);
  });

  it('is recognised although two replicas receive the readings alternately', async () => {
    const other = new Replica(store.redis);
    await accept(900, { _seq: 1000 });
    await other.accept(lamp, [light(1, { _seq: 1 })]);
    await accept(2, { _seq: 2 });
    await other.accept(lamp, [light(3, { _seq: 3 })]);
    expect(await lastLight()).toBe(3);
  });
});

describe('a clock that was ahead', () => {
  const now = () => Date.now();

  it.each<[what: string, seqs: [number?, number?]]>([
    ['without a sequence', []],
    ['with a sequence based on the clock', [2_000_000, 1_000_000]],
  ])('does not hide readings once it is correct, %s', async (_what, [before, after]) => {
    const numbered = (seq: number | undefined, at: number) => ({ ...(seq && { _seq: seq }), _at: at });
    await accept(900, numbered(before, now() + 240_000));
    expect(await accept(100, numbered(after, now()))).toMatchObject({ restarted: 'clock' });
    expect(await lastLight()).toBe(100);
  });

  it('does not prevent its readings from being ordered while it is ahead', async () => {
    const ahead = now() + 240_000;
    await accept(2, { _at: ahead });
    await accept(1, { _at: ahead - 3000 });
    expect(await lastLight()).toBe(2);
  });
});

describe('a late reading', () => {
  it('fills a gap in a new session of a device that keeps its readings', async () => {
    await birth(1, 'keep');
    for (const seq of [1, 2, 5]) await accept(seq, { _seq: seq });
    await birth(2, 'keep');
    for (const seq of [3, 4]) await accept(seq, { _seq: seq });
    expect(await lights()).toBe('1, 2, 3 late, 4 late, 5');
  });

  it('is recognised by its device time, in a new session too', async () => {
    const at = Date.now();
    await birth(1, 'keep');
    await accept(5, { _seq: 5, _at: at });
    await birth(2, 'keep');
    for (const seq of [1, 2, 3, 4]) await accept(seq, { _seq: seq, _at: at - 5000 + seq });
    expect(await lights()).toBe('1 late, 2 late, 3 late, 4 late, 5');
  });

  it('does not count inside a replay, and a live reading resets the score', async () => {
    await accept(900, { _seq: 5000 });
    const replay = [1, 2, 3, 4].map((seq) => light(seq, { _seq: seq }, { isReplayed: seq < 4 }));
    await rules.accept(lamp, replay);
    await accept(5, { _seq: 5 });
    expect(await lastLight()).toBe(900);
    await accept(901, { _seq: 5001 });
    for (const seq of [6, 7]) await accept(seq, { _seq: seq });
    expect(await lastLight()).toBe(901);
  });

  it('from before the restart of a counter is recognised by its device time', async () => {
    const at = Date.now();
    await accept(900, { _seq: 1000, _at: at });
    await accept(100, { _seq: 1, _at: at + 1000 });
    await accept(800, { _seq: 999, _at: at - 1000 });
    await accept(900, { _seq: 1000, _at: at });
    expect(await lastLight()).toBe(100);
  });
});

describe('a reading without a sequence', () => {
  it.each<
    [what: string, send: (one: ReturnType<typeof light>, more: ReturnType<typeof light>) => Promise<unknown>]
  >([
    [
      'twice in succession',
      async (one) => [await rules.accept(lamp, [one]), await rules.accept(lamp, [one])],
    ],
    ['twice in one array', (one) => rules.accept(lamp, [{ ...one, isReplayed: true }, one])],
    [
      'again after another one with the same time',
      async (one, more) => {
        for (const each of [one, more, one]) await rules.accept(lamp, [each]);
      },
    ],
    [
      'again by another replica',
      async (one) => {
        await rules.accept(lamp, [one]);
        await new Replica(store.redis).accept(lamp, [one]);
      },
    ],
  ])('is stored once: %s', async (_what, send) => {
    const at = Date.now();
    await accept(1, { _at: at - 1000 });
    await send(light(2, { _at: at }), light(3, { _at: at }));
    const stored = (await lights()).split(', ').filter((text) => text.startsWith('2'));
    expect([stored.length, await store.redis.hget(lamp.deviceKey, 'duplicate')]).toEqual([1, '1']);
  });

  it('is stored once, regardless of white space and the order of its keys', async () => {
    const at = Date.now();
    const spaced = { ...light(1, { _at: at }), json: `{"_at": ${at}, "light": 1}` };
    await accept(1, { _at: at });
    await rules.accept(lamp, [spaced]);
    expect(await lights()).toBe('1');
  });

  it('is stored next to others with the same time, in order of arrival', async () => {
    const at = Date.now();
    for (const value of [3, 1, 2]) await accept(value, { _at: at });
    expect(await lights()).toBe('3, 1, 2');
  });
});

describe('a retained reading', () => {
  const retained: ArrivalOptions = { isRetained: true };

  it('enters the window once, and never becomes the last state, even with the highest numbers', async () => {
    await accept(900, { _seq: 1, _at: Date.now() - 5000 });
    const again = light(100, { _seq: 2, _at: Date.now() }, retained);
    expect(await rules.accept(lamp, [again])).toMatchObject({
      late: { stored: 0, duplicate: 0, retained: 1 },
    });
    await rules.accept(lamp, [again]);
    expect(await lights()).toBe('100 retained, 900');
  });

  it('without numbers is recognised by its content', async () => {
    await accept(100);
    await accept(900);
    for (const value of [100, 7, 7]) await accept(value, {}, retained);
    expect(await lights()).toBe('100, 7 retained, 900');
  });

  it('does not create a device, and its first live reading follows it', async () => {
    expect(await accept(100, {}, retained)).toMatchObject({ late: { stored: 0, retained: 1 } });
    expect(await device()).toBeUndefined(); // the device may no longer exist
    expect(await accept(900)).toMatchObject({ returnedFrom: 'away' });
    expect(await device()).toMatchObject({ presence: 'online', last: { measurements: { light: 900 } } });
  });

  it('does not change the presence of a known device', async () => {
    await recordPresence(store.redis, [
      { address: lamp, message: { online: true, session: 1 } },
      { address: lamp, message: { online: false, session: 1 } },
    ]);
    await accept(100, {}, retained);
    expect(await device()).toMatchObject({ presence: 'offline' });
  });

  it('can be in one batch with live ones', async () => {
    await accept(900, { _seq: 1 });
    await rules.accept(lamp, [light(100, { _seq: 9 }, retained), light(800, { _seq: 2 })]);
    expect(await lights()).toBe('900, 100 retained, 800');
  });
});

/** Deliveries of one device that numbers its readings consecutively. */
interface Delivery {
  readonly seqs: readonly number[];
  readonly alone: boolean;
}
/** A few readings are delayed, and some arrive twice. */
const deliveries: fc.Arbitrary<Delivery[]> = fc
  .array(
    fc.record({
      held: fc.constantFrom(0, 0, 0, 0, 2, 5, 9),
      twice: fc.boolean(),
      size: fc.constantFrom(1, 1, 3),
    }),
    { minLength: 5, maxLength: 40 },
  )
  .map((all) => {
    let seq = 0;
    return all
      .map(({ held, twice, size }, i) => ({
        order: i + held,
        twice,
        seqs: Array.from({ length: size }, () => ++seq),
      }))
      .flatMap(({ order, twice, seqs }) =>
        (twice ? [order, order + 3] : [order]).map((place) => ({ place, seqs, alone: seqs.length === 1 })),
      )
      .toSorted((a, b) => a.place - b.place);
  });

describe('with late and repeated readings', () => {
  const start = Date.now() - 100_000;
  it.each<[what: string, numbers: (seq: number) => Numbers]>([
    ['a sequence and a time', (seq) => ({ _seq: seq, _at: start + seq })],
    ['a time only', (seq) => ({ _at: start + seq })],
  ])(
    'the last state of a device with %s never becomes older, and each reading is stored once',
    async (_what, numbers) => {
      await fc.assert(
        fc.asyncProperty(deliveries, fc.array(fc.nat({ max: 1 }), { minLength: 8 }), async (all, picks) => {
          const address = store.newDevice();
          const replicas = [new Replica(store.redis), new Replica(store.redis)];
          let newest = 0;
          const sent = new Set<number>();
          for (const [i, { seqs }] of all.entries()) {
            const readings = seqs.map((seq, at) =>
              light(seq, numbers(seq), { isReplayed: at < seqs.length - 1 }),
            );
            await replicas[picks[i % picks.length]!]!.accept(address, readings);
            for (const seq of seqs) sent.add(seq);
            newest = Math.max(newest, ...seqs);
            const { last } = (await readDevice(store.redis, address.fleet, address.device))!;
            expect(last?.measurements.light).toBe(newest);
          }
          const window = await readWindow(store.redis, address.fleet, address.device, WINDOW_SIZE);
          const stored = window.map(({ measurements }) => measurements.light as number);
          expect(stored.toReversed()).toEqual([...sent].toSorted((a, b) => a - b));
        }),
        { numRuns: 30 },
      );
    },
    60_000,
  );
});

describe('with any numbers', () => {
  const number = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 100_000 }), fc.constantFrom(0, 65_535, MAX));
  // A clock that is less than 10 s ahead counts as correct.
  const offset = fc.oneof(
    fc.integer({ min: -3_600_000, max: -100 }),
    fc.integer({ min: 11_000, max: 240_000 }),
  );
  const at = fc.option(offset, { nil: undefined });

  it('at most 31 consecutive readings with other content are ignored, without a device time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 40, maxLength: 70 }), async (seqs) => {
        const address = store.newDevice();
        let ignored = 0;
        for (const [i, seq] of seqs.entries()) {
          await rules.accept(address, [light(i, { _seq: seq })]);
          const { last } = (await readDevice(store.redis, address.fleet, address.device))!;
          ignored = last?.measurements.light === i ? 0 : ignored + 1;
          expect(ignored).toBeLessThanOrEqual(31);
        }
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('a reading with a correct time is always the last state', async () => {
    const before = fc.array(fc.record({ seq: fc.option(number, { nil: undefined }), at }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(before, fc.option(number, { nil: undefined }), async (all, seq) => {
        const address = store.newDevice();
        const numbers = (one: number | undefined, time: number | undefined) => ({
          ...(one !== undefined && { _seq: one }),
          ...(time !== undefined && { _at: time }),
        });
        for (const [i, one] of all.entries())
          await rules.accept(address, [
            light(i, numbers(one.seq, one.at === undefined ? undefined : Date.now() + one.at)),
          ]);
        const isDated = all.every((one) => one.at !== undefined);
        await rules.accept(address, [light(-1, numbers(isDated ? seq : undefined, Date.now()))]);
        const { last } = (await readDevice(store.redis, address.fleet, address.device))!;
        expect(last?.measurements.light).toBe(-1);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

import { type ArrivalOptions, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import fc from 'fast-check';
import type { DeviceAddress } from '../devices/device-address.js';
import { type Device, readDevice, readWindow } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { WINDOW_SIZE } from '../keys.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(() => {
  lamp = store.newDevice();
  rules = new Replica(store.redis);
});

interface Numbers {
  _seq?: number;
  _at?: number;
}
const light = (value: number, numbers: Numbers = {}, way: ArrivalOptions = {}) => ({
  ...reading({ light: value, ...numbers }),
  ...way,
});
const take = (value: number, numbers: Numbers = {}, way: ArrivalOptions = {}) =>
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

describe('a counter that was restarted', () => {
  it('is recognised at once by a later device time', async () => {
    const at = Date.now();
    await take(900, { _seq: MAX, _at: at - 5000 });
    expect(await take(100, { _seq: 1, _at: at })).toMatchObject({ restarted: 'counter' });
    expect(await lastLight()).toBe(100);
  });

  it.each(['latest', 'keep'] as const)(
    'is recognised at once in a new session of a %s device',
    async (policy) => {
      await birth(1, policy);
      await take(900, { _seq: 1000 });
      await birth(2, policy);
      expect(await take(100, { _seq: 1 })).toMatchObject({ restarted: 'session' });
      await take(101, { _seq: 2 });
      expect(await lights()).toBe('900, 100, 101');
    },
  );

  it('is recognised at once by a number that the window has with other content', async () => {
    for (const seq of [1, 2, 3]) await take(900, { _seq: seq });
    await take(100, { _seq: 1 });
    expect(await lastLight()).toBe(100);
  });

  it.each<[what: string, before: number[], restarted: number[]]>([
    ['a device that boots again', [1000], [1, 2, 3]],
    ['a counter of 16 bits that wraps', [65_534, 65_535], [0, 1, 2]],
    ['one number that is as large as numbers go', [7, 8, MAX], [9, 10, 11]],
  ])('is recognised by the third reading in a row: %s', async (_what, before, restarted) => {
    for (const seq of before) await take(900, { _seq: seq });
    for (const seq of restarted) {
      expect(await lastLight()).toBe(900);
      await take(100 + seq, { _seq: seq });
    }
    expect(await lastLight()).toBe(100 + restarted.at(-1)!);
    expect(await take(1, { _seq: restarted.at(-1)! + 1 })).toEqual({ kind: 'accepted', commands: [] });
  });

  it('is recognised by the eighth reading in a row if two programs begin again under one id', async () => {
    await take(900, { _seq: 1_000_000 });
    const restarted = [1, 5000, 2, 5001, 3, 5002, 4, 5003];
    const outcomes: boolean[] = [];
    for (const seq of restarted) outcomes.push((await take(100, { _seq: seq })).restarted === 'counter');
    expect(outcomes).toEqual([false, false, false, false, false, false, false, true]);
  });

  it('is not forgotten where another replica takes the readings in turn', async () => {
    const other = new Replica(store.redis);
    await take(900, { _seq: 1000 });
    await other.accept(lamp, [light(1, { _seq: 1 })]);
    await take(2, { _seq: 2 });
    await other.accept(lamp, [light(3, { _seq: 3 })]);
    expect(await lastLight()).toBe(3);
  });
});

describe('a clock that was ahead', () => {
  const now = () => Date.now();

  it.each<[what: string, seqs: [number?, number?]]>([
    ['without a sequence', []],
    ['with a sequence that the clock gave', [2_000_000, 1_000_000]],
  ])('is not believed once it is right, %s', async (_what, [before, after]) => {
    const numbered = (seq: number | undefined, at: number) => ({ ...(seq && { _seq: seq }), _at: at });
    await take(900, numbered(before, now() + 240_000));
    expect(await take(100, numbered(after, now()))).toMatchObject({ restarted: 'clock' });
    expect(await lastLight()).toBe(100);
  });

  it('orders its readings all the same while it is ahead', async () => {
    const ahead = now() + 240_000;
    await take(2, { _at: ahead });
    await take(1, { _at: ahead - 3000 });
    expect(await lastLight()).toBe(2);
  });
});

describe('what is really late', () => {
  it('is what a new session of a device that keeps its readings fills a gap with', async () => {
    await birth(1, 'keep');
    for (const seq of [1, 2, 5]) await take(seq, { _seq: seq });
    await birth(2, 'keep');
    for (const seq of [3, 4]) await take(seq, { _seq: seq });
    expect(await lights()).toBe('1, 2, 3 late, 4 late, 5');
  });

  it('is what a device time says, in a new session too', async () => {
    const at = Date.now();
    await birth(1, 'keep');
    await take(5, { _seq: 5, _at: at });
    await birth(2, 'keep');
    for (const seq of [1, 2, 3, 4]) await take(seq, { _seq: seq, _at: at - 5000 + seq });
    expect(await lights()).toBe('1 late, 2 late, 3 late, 4 late, 5');
  });

  it('is no evidence in the midst of a replay, and a live reading voids what there was', async () => {
    await take(900, { _seq: 5000 });
    const replay = [1, 2, 3, 4].map((seq) => light(seq, { _seq: seq }, { isReplayed: seq < 4 }));
    await rules.accept(lamp, replay);
    await take(5, { _seq: 5 });
    expect(await lastLight()).toBe(900);
    await take(901, { _seq: 5001 });
    for (const seq of [6, 7]) await take(seq, { _seq: seq });
    expect(await lastLight()).toBe(901);
  });

  it('is a reading of before the counter was restarted, by its device time', async () => {
    const at = Date.now();
    await take(900, { _seq: 1000, _at: at });
    await take(100, { _seq: 1, _at: at + 1000 });
    await take(800, { _seq: 999, _at: at - 1000 });
    await take(900, { _seq: 1000, _at: at });
    expect(await lastLight()).toBe(100);
  });
});

describe('a reading without a sequence', () => {
  it.each<
    [what: string, send: (one: ReturnType<typeof light>, more: ReturnType<typeof light>) => Promise<unknown>]
  >([
    ['twice in a row', async (one) => [await rules.accept(lamp, [one]), await rules.accept(lamp, [one])]],
    ['twice in one array', (one) => rules.accept(lamp, [{ ...one, isReplayed: true }, one])],
    [
      'once more after another one of its time',
      async (one, more) => {
        for (const each of [one, more, one]) await rules.accept(lamp, [each]);
      },
    ],
    [
      'once more by another replica',
      async (one) => {
        await rules.accept(lamp, [one]);
        await new Replica(store.redis).accept(lamp, [one]);
      },
    ],
  ])('is stored once: %s', async (_what, send) => {
    const at = Date.now();
    await take(1, { _at: at - 1000 });
    await send(light(2, { _at: at }), light(3, { _at: at }));
    const stored = (await lights()).split(', ').filter((text) => text.startsWith('2'));
    expect([stored.length, await store.redis.hget(lamp.deviceKey, 'duplicate')]).toEqual([1, '1']);
  });

  it('is stored once whatever the white space and the order of its keys', async () => {
    const at = Date.now();
    const spaced = { ...light(1, { _at: at }), json: `{"_at": ${at}, "light": 1}` };
    await take(1, { _at: at });
    await rules.accept(lamp, [spaced]);
    expect(await lights()).toBe('1');
  });

  it('is stored beside others of its time, in the order of arrival', async () => {
    const at = Date.now();
    for (const value of [3, 1, 2]) await take(value, { _at: at });
    expect(await lights()).toBe('3, 1, 2');
  });
});

describe('a retained reading', () => {
  const retained: ArrivalOptions = { isRetained: true };

  it('enters the window once, and is never the last state, however new it looks', async () => {
    await take(900, { _seq: 1, _at: Date.now() - 5000 });
    const again = light(100, { _seq: 2, _at: Date.now() }, retained);
    expect(await rules.accept(lamp, [again])).toMatchObject({
      late: { stored: 0, duplicate: 0, retained: 1 },
    });
    await rules.accept(lamp, [again]);
    expect(await lights()).toBe('100 retained, 900');
  });

  it('without numbers is known by its content', async () => {
    await take(100);
    await take(900);
    for (const value of [100, 7, 7]) await take(value, {}, retained);
    expect(await lights()).toBe('100, 7 retained, 900');
  });

  it('makes no device known, and is followed by its first live reading', async () => {
    expect(await take(100, {}, retained)).toMatchObject({ late: { stored: 0, retained: 1 } });
    expect(await device()).toBeUndefined(); // its sender may be long gone
    expect(await take(900)).toMatchObject({ returnedFrom: 'away' });
    expect(await device()).toMatchObject({ presence: 'online', last: { measurements: { light: 900 } } });
  });

  it('leaves the presence of a known device as it is', async () => {
    await recordPresence(store.redis, [
      { address: lamp, message: { online: true, session: 1 } },
      { address: lamp, message: { online: false, session: 1 } },
    ]);
    await take(100, {}, retained);
    expect(await device()).toMatchObject({ presence: 'offline' });
  });

  it('may stand in one batch with live ones', async () => {
    await take(900, { _seq: 1 });
    await rules.accept(lamp, [light(100, { _seq: 9 }, retained), light(800, { _seq: 2 })]);
    expect(await lights()).toBe('900, 100 retained, 800');
  });
});

/** Deliveries of one device that numbers its readings without end. */
interface Delivery {
  readonly seqs: readonly number[];
  readonly alone: boolean;
}
/** A few readings are held up, and some come twice. */
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

describe('whatever comes late or twice', () => {
  const start = Date.now() - 100_000;
  it.each<[what: string, numbers: (seq: number) => Numbers]>([
    ['a sequence and a time', (seq) => ({ _seq: seq, _at: start + seq })],
    ['a time only', (seq) => ({ _at: start + seq })],
  ])(
    'the last state of a device with %s never goes back, and each reading is stored once',
    async (_what, numbers) => {
      await fc.assert(
        fc.asyncProperty(deliveries, fc.array(fc.nat({ max: 1 }), { minLength: 8 }), async (all, who) => {
          const address = store.newDevice();
          const replicas = [new Replica(store.redis), new Replica(store.redis)];
          let newest = 0;
          const sent = new Set<number>();
          for (const [i, { seqs }] of all.entries()) {
            const readings = seqs.map((seq, at) =>
              light(seq, numbers(seq), { isReplayed: at < seqs.length - 1 }),
            );
            await replicas[who[i % who.length]!]!.accept(address, readings);
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

describe('whatever numbers a device sends', () => {
  const number = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 100_000 }), fc.constantFrom(0, 65_535, MAX));
  // A clock that is ahead by less than 10 s may as well be right.
  const offset = fc.oneof(
    fc.integer({ min: -3_600_000, max: -100 }),
    fc.integer({ min: 11_000, max: 240_000 }),
  );
  const at = fc.option(offset, { nil: undefined });

  it('it is never deaf for more than 31 readings of other content, without a device time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 40, maxLength: 70 }), async (seqs) => {
        const address = store.newDevice();
        let deaf = 0;
        for (const [i, seq] of seqs.entries()) {
          await rules.accept(address, [light(i, { _seq: seq })]);
          const { last } = (await readDevice(store.redis, address.fleet, address.device))!;
          deaf = last?.measurements.light === i ? 0 : deaf + 1;
          expect(deaf).toBeLessThanOrEqual(31);
        }
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('a reading with the right time is heard at once, whatever came before it', async () => {
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

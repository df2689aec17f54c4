import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { listCommands } from '../commands/read-commands.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice, readWindow } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { MAX_OPEN_COMMANDS, WINDOW_SIZE } from '../keys.js';
import { NEW_DEVICE, UNKNOWN_VERSION } from '../rules/state-version.js';
import { isNewer } from './reading-order.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
beforeAll(async () => {
  store = await startStore();
});
beforeEach(() => {
  lamp = store.newDevice();
  rules = new Replica(store.redis);
});

const device = () => readDevice(store.redis, lamp.fleet, lamp.device);
const lastLight = async () => (await device())?.last?.measurements.light;
/** The values of `light` in the window, oldest first; late ones are marked. */
async function lights(limit = WINDOW_SIZE): Promise<string> {
  const window = await readWindow(store.redis, lamp.fleet, lamp.device, limit);
  return window
    .reverse()
    .map(({ measurements, late }) => `${measurements.light}${late ? ' late' : ''}`)
    .join(', ');
}
const light = (value: number, order: { _seq?: number; _at?: number } = {}) =>
  reading({ light: value, ...order });
const seqs = (...numbers: number[]) => numbers.map((n) => light(n, { _seq: n }));

describe('the last state', () => {
  it('is the first reading of a device that was never heard of', async () => {
    expect(await rules.accept(lamp, [light(412)])).toMatchObject({ kind: 'accepted', commands: [] });
    expect(await device()).toMatchObject({
      presence: 'online',
      lesson: false,
      last: { late: false, measurements: { light: 412 } },
    });
  });

  it('is the reading with the highest sequence, also when the clock of the device was set back', async () => {
    await rules.accept(lamp, [light(2, { _seq: 2, _at: 1000 })]);
    await rules.accept(lamp, [light(1, { _seq: 1, _at: 900 })]);
    expect(await lastLight()).toBe(2);
    await rules.accept(lamp, [light(3, { _seq: 3, _at: 500 })]);
    expect(await lastLight()).toBe(3);
  });

  it('is the reading with the latest device time where there is no sequence', async () => {
    await rules.accept(lamp, [light(2, { _at: 2000 })]);
    await rules.accept(lamp, [light(1, { _at: 1999 })]);
    expect(await lastLight()).toBe(2);
    await rules.accept(lamp, [light(3, { _at: 2000 })]);
    expect(await lastLight()).toBe(3);
  });

  it('is the reading that came last where there is neither', async () => {
    for (const value of [1, 3, 2]) await rules.accept(lamp, [light(value)]);
    expect(await lastLight()).toBe(2);
    expect(await lights()).toBe('1, 3, 2');
  });

  it('keeps the sequence exact up to the largest', async () => {
    await rules.accept(lamp, seqs(Number.MAX_SAFE_INTEGER - 1));
    await rules.accept(lamp, seqs(Number.MAX_SAFE_INTEGER));
    await rules.accept(lamp, seqs(Number.MAX_SAFE_INTEGER - 2));
    expect((await device())?.last?.seq).toBe(Number.MAX_SAFE_INTEGER);
    expect(await lights()).toBe('9007199254740989 late, 9007199254740990, 9007199254740991');
  });

  it('keeps every text as it came', async () => {
    const say = 'a,b;c:d "é" \n\r\t\0 💡 %d %s {17} \\';
    await rules.accept(lamp, [reading({ say })]);
    await rules.accept(lamp, [
      { n: undefined, seq: undefined, at: undefined, json: `{\n "say" : ${JSON.stringify(say)}\n}\n` },
    ]);
    expect((await device())?.last?.measurements).toEqual({ say });
    expect(
      (await readWindow(store.redis, lamp.fleet, lamp.device, 2)).map(({ measurements }) => measurements.say),
    ).toEqual([say, say]);
  });

  it('shows measurements only, not what belongs to the protocol', async () => {
    await rules.accept(lamp, [reading({ light: 1, _seq: 1, _boot: 9 })]);
    expect((await device())?.last).toMatchObject({ seq: 1, measurements: { light: 1 } });
  });
});

describe('the window', () => {
  it('holds late readings in their place, and they never were the last state', async () => {
    await rules.accept(lamp, seqs(1, 4, 6));
    expect(await rules.accept(lamp, seqs(5, 2, 3))).toMatchObject({
      kind: 'accepted',
      late: { stored: 3, duplicate: 0, stale: 0 },
    });
    expect(await lights()).toBe('1, 2 late, 3 late, 4, 5 late, 6');
    expect(await lastLight()).toBe(6);
  });

  it('takes live and late readings in one part', async () => {
    await rules.accept(lamp, seqs(3));
    expect(await rules.accept(lamp, seqs(2, 4, 1, 5))).toMatchObject({
      late: { stored: 2, duplicate: 0, stale: 0 },
    });
    expect(await lights()).toBe('1 late, 2 late, 3, 4, 5');
  });

  it('orders late readings without a sequence by device time', async () => {
    for (const at of [1000, 3000]) await rules.accept(lamp, [light(at, { _at: at })]);
    await rules.accept(lamp, [light(2000, { _at: 2000 }), light(500, { _at: 500 })]);
    expect(await lights()).toBe('500 late, 1000, 2000 late, 3000');
  });

  it('recognises duplicates by their sequence, the last state included', async () => {
    await rules.accept(lamp, seqs(1, 2, 3));
    expect(await rules.accept(lamp, seqs(3, 2, 2))).toMatchObject({
      late: { stored: 0, duplicate: 3, stale: 0 },
    });
    expect(await rules.accept(lamp, seqs(0, 0))).toMatchObject({
      late: { stored: 1, duplicate: 1, stale: 0 },
    });
    expect(await lights()).toBe('0 late, 1, 2, 3');
  });

  it('recognises duplicates by device time and content where there is no sequence', async () => {
    const early = light(1, { _at: 1000 });
    await rules.accept(lamp, [early, light(2, { _at: 2000 })]);
    const again = [early, light(7, { _at: 1000 })];
    expect(await rules.accept(lamp, again)).toMatchObject({ late: { stored: 1, duplicate: 1, stale: 0 } });
    expect(await rules.accept(lamp, again)).toMatchObject({ late: { stored: 0, duplicate: 2, stale: 0 } });
  });

  it('is bounded, and the oldest make room', async () => {
    await rules.accept(lamp, seqs(...Array.from({ length: WINDOW_SIZE + 10 }, (_, i) => i)));
    await rules.accept(lamp, seqs(1000));
    const window = (await lights(1000)).split(', ');
    expect([window.length, window[0], window.at(-1)]).toEqual([WINDOW_SIZE, '11', '1000']);
  });

  it('when full takes a late reading for its oldest one, and counts an older one as stale', async () => {
    await rules.accept(lamp, seqs(...Array.from({ length: WINDOW_SIZE }, (_, i) => 100 + 2 * i)));
    expect(await rules.accept(lamp, seqs(99, 103))).toMatchObject({
      late: { stored: 1, duplicate: 0, stale: 1 },
    });
    const window = (await lights(1000)).split(', ');
    expect([window.length, ...window.slice(0, 2)]).toEqual([WINDOW_SIZE, '102', '103 late']);
  });

  it('takes a replay of many thousand readings of many devices in one batch', async () => {
    const lamps = Array.from({ length: 250 }, () => store.newDevice());
    const replay = seqs(...Array.from({ length: 500 }, (_, i) => i + 1));
    for (const one of lamps) await rules.accept(one, seqs(0));
    const outcomes = await rules.send(...lamps.map((one) => rules.evaluate(one, replay)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['accepted']));
    const ends = await Promise.all(lamps.map((one) => readDevice(store.redis, one.fleet, one.device)));
    expect(ends.every((end) => end?.last?.seq === 500)).toBe(true);
  });

  it('is read newest first, as much as is asked for', async () => {
    await rules.accept(lamp, seqs(1, 2, 3));
    const newest = await readWindow(store.redis, lamp.fleet, lamp.device, 2);
    expect(newest.map(({ seq, late }) => [seq, late])).toEqual([
      [3, false],
      [2, false],
    ]);
    expect(await readWindow(store.redis, lamp.fleet, 'nobody', 2)).toEqual([]);
  });
});

describe('history that comes first', () => {
  it('enters the window of a device that has no last state, and gives it none', async () => {
    await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 1 } }]);
    const history = { version: NEW_DEVICE, late: seqs(2, 1), kinds: '22' };
    const [outcome] = await rules.send({ ...rules.evaluate(lamp, []), ...history });
    expect(outcome).toMatchObject({ kind: 'accepted', late: { stored: 0, retained: 2 } });
    expect(await lights()).toBe('1 late, 2 late');
    expect(await device()).not.toHaveProperty('last');
  });
});

describe('a part that was judged on other grounds', () => {
  const other = () => new Replica(store.redis);

  it('changes nothing at all and brings the grounds', async () => {
    await rules.accept(lamp, seqs(5), { rules: () => '{"n":1}' });
    const before = await snapshot();
    const [outcome] = await other().send({
      ...other().evaluate(lamp, seqs(6)),
      commands: [emitted(lamp)],
      late: seqs(1),
    });
    expect(outcome).toEqual({
      kind: 'conflict',
      commands: [],
      stored: {
        version: `${rules.name}.2`,
        mark: expect.objectContaining({ seq: 5, at: undefined }),
        rules: '{"n":1}',
        session: undefined,
        kinds: '01',
      },
    });
    expect(await snapshot()).toEqual(before);
  });

  it.each<[what: string, version: string, order: number[]]>([
    ['by a version that has passed', '0', [6]],
    ['by a version that no replica knows', UNKNOWN_VERSION, [6]],
    ['as if the device were new', NEW_DEVICE, [6]],
    ['in an order that has passed', 'current', [5]],
  ])('%s changes nothing', async (_what, version, order) => {
    await rules.accept(lamp, seqs(5), { rules: () => '{"n":1}' });
    const before = await snapshot();
    const part = { ...rules.evaluate(lamp, []), live: seqs(...order), commands: [emitted(lamp)] };
    const [outcome] = await rules.send(version === 'current' ? part : { ...part, version });
    expect([outcome?.kind, await snapshot()]).toEqual(['conflict', before]);
  });

  it('as late, although it is newer than the last state, changes nothing', async () => {
    await rules.accept(lamp, seqs(5));
    const before = await snapshot();
    const [alone, behind] = [
      { ...rules.evaluate(lamp, []), late: seqs(4, 6) },
      { ...rules.evaluate(lamp, []), live: seqs(6, 7), late: seqs(8) },
    ];
    expect((await rules.send(alone, behind)).map(({ kind }) => kind)).toEqual(['conflict', 'conflict']);
    expect(await snapshot()).toEqual(before);
  });

  it('harms no other part of its batch', async () => {
    const neighbour = store.newDevice();
    await rules.accept(lamp, seqs(1), { rules: () => '{"n":1}' });
    const stale = { ...other().evaluate(lamp, []), version: '0', live: seqs(2) };
    const [conflict, accepted] = await other().send(stale, {
      ...other().evaluate(neighbour, []),
      version: NEW_DEVICE,
      live: seqs(7),
    });
    expect([conflict?.kind, accepted?.kind]).toEqual(['conflict', 'accepted']);
    expect((await readDevice(store.redis, neighbour.fleet, neighbour.device))?.last?.seq).toBe(7);
  });

  /** Everything that is stored, as text. */
  async function snapshot(): Promise<Record<string, string>> {
    const keys = (await store.redis.keys('*')).sort();
    const dumps = await Promise.all(
      keys.map(async (key) => (await store.redis.dumpBuffer(key))!.toString('base64')),
    );
    return Object.fromEntries(keys.map((key, i) => [key, dumps[i]!]));
  }
});

describe('a part whose reply was lost', () => {
  it.each<[what: string, order: number[]]>([
    ['with a sequence', [1, 2]],
    ['without any order', []],
  ])('changes nothing when it is repeated, %s', async (_what, order) => {
    await rules.accept(lamp, [light(0)]);
    const live = order.length > 0 ? seqs(...order) : [light(1), light(2)];
    const part = rules.evaluate(lamp, live, { commands: [emitted(lamp)], rules: () => '{"n":1}' });
    await rules.send(part);
    expect(await rules.send(part)).toEqual([{ kind: 'repeated', commands: [] }]);
    expect(await lights()).toBe('0, 1, 2');
    expect(await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 })).toHaveLength(1);
  });

  it('changes nothing when it is repeated, with late readings only', async () => {
    await rules.accept(lamp, [light(1, { _at: 1000 }), light(3, { _at: 3000 })]);
    const part = rules.evaluate(lamp, [light(2, { _at: 2000 })]);
    expect((await rules.send(part))[0]).toMatchObject({ late: { stored: 1 } });
    expect(await rules.send(part)).toEqual([{ kind: 'repeated', commands: [] }]);
    expect(await lights()).toBe('1, 2 late, 3');
  });

  it('leaves one command of each id, though another replica came in between', async () => {
    const other = new Replica(store.redis);
    await rules.accept(lamp, [light(1)]);
    await other.accept(lamp, [light(2)]);
    const part = rules.evaluate(lamp, [light(3)], { commands: [emitted(lamp)] });
    await rules.send(part);
    await other.accept(lamp, [light(4)]);
    await rules.send(part);
    const [command, ...more] = await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 });
    expect([command?.id, more, (await device())?.pendingCommands]).toEqual([part.commands[0]!.id, [], 1]);
  });

  it('is stored once, though another replica came in between', async () => {
    const other = new Replica(store.redis);
    await rules.accept(lamp, seqs(1));
    await other.accept(lamp, []);
    const part = rules.evaluate(lamp, seqs(2));
    await rules.send(part);
    await other.accept(lamp, seqs(3));
    const [repeated] = await rules.send(part);
    rules.adopt(lamp, repeated!);
    expect(await rules.accept(lamp, seqs(2))).toMatchObject({ late: { stored: 0, duplicate: 1 } });
    expect(await lights()).toBe('1, 2, 3');
  });
});

describe('rule states', () => {
  it('are kept with the device and come back with the grounds', async () => {
    await rules.accept(lamp, seqs(1), { rules: () => '{"night-light":{"raised":true}}' });
    const other = new Replica(store.redis);
    await other.accept(lamp, []);
    expect(other.cache.get(lamp.name)).toMatchObject({
      rules: '{"night-light":{"raised":true}}',
      version: `${rules.name}.2`,
    });
  });

  it('are kept also when no reading is new', async () => {
    await rules.accept(lamp, seqs(1));
    await rules.send({ ...rules.evaluate(lamp, []), rules: '{"silent":true}' });
    const other = new Replica(store.redis);
    await other.accept(lamp, []);
    expect(other.cache.get(lamp.name)?.rules).toBe('{"silent":true}');
  });
});

describe('a reading that comes right after the one before', () => {
  const counts = async () =>
    (await store.redis.lrange(lamp.windowKey, 0, -1)).map((entry) => Number(entry.split(',')[2]));

  it('is counted like any other', async () => {
    for (let seq = 1; seq <= 12; seq += 1) await rules.accept(lamp, seqs(seq));
    expect(await counts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('is judged again if another replica has changed rule states in between', async () => {
    const other = new Replica(store.redis);
    for (let seq = 1; seq <= 12; seq += 2) {
      await rules.accept(lamp, seqs(seq));
      const overtaken = rules.evaluate(lamp, seqs(seq + 2));
      await other.accept(lamp, seqs(seq + 1), { rules: () => `{"seq":${seq}}` });
      const [outcome] = await rules.send(overtaken);
      expect([outcome!.kind, rules.adopt(lamp, outcome!)]).toEqual(['conflict', true]);
    }
    expect(await counts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe('a command that a rule emits', () => {
  it('is dispatched at once, under a lease of the replica that emitted it', async () => {
    const command = emitted(lamp);
    const { commands } = await rules.accept(lamp, seqs(1), { commands: [command] });
    expect(commands).toEqual([
      {
        id: command.id,
        state: 'dispatched',
        seq: expect.any(Number),
        expiresAt: expect.any(Number),
        superseded: [],
        unknown: [],
      },
    ]);
    expect(await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 })).toMatchObject([
      {
        id: command.id,
        source: 'rule',
        rule: 'night-light',
        action: { led_on: true },
        state: 'dispatched',
        attempt: 1,
      },
    ]);
  });

  it('waits behind the one before it, and supersedes what waits', async () => {
    const [first, second, third] = [emitted(lamp), emitted(lamp), emitted(lamp)];
    const before = await rules.accept(lamp, seqs(1), { commands: [first] });
    const { commands } = await rules.accept(lamp, seqs(2), { commands: [second, third] });
    expect(commands.map(({ state, superseded }) => [state, superseded])).toEqual([
      ['pending', []],
      ['pending', [second.id]],
    ]);
    const numbers = [...before.commands, ...commands].map(({ seq }) => seq);
    expect(numbers[1]).toBeGreaterThan(numbers[0]!);
    expect(numbers[2]).toBeGreaterThan(numbers[1]!);
  });

  it('is refused beyond the bound, and the reading is stored all the same', async () => {
    const lanes = Array.from({ length: MAX_OPEN_COMMANDS + 1 }, (_, i) =>
      emitted(lamp, { lane: `lane-${i}` }),
    );
    const { commands } = await rules.accept(lamp, seqs(1), { commands: lanes });
    expect(commands.filter(({ state }) => state === 'full').map(({ id }) => id)).toEqual([lanes.at(-1)!.id]);
    expect(await device()).toMatchObject({ pendingCommands: MAX_OPEN_COMMANDS, last: { seq: 1 } });
  });
});

it.each<[newer: boolean, reading: { seq?: number; at?: number }, mark: { seq?: number; at?: number }]>([
  [true, {}, {}],
  [true, { seq: 1 }, {}],
  [true, {}, { seq: 9, at: 9 }],
  [true, { seq: 2 }, { seq: 1 }],
  [false, { seq: 1 }, { seq: 2 }],
  [false, { seq: 1, at: 1 }, { seq: 2, at: 1 }],
  [true, { seq: 1, at: 9 }, { seq: 2, at: 1 }],
  [true, { at: 1 }, { at: 1 }],
  [false, { at: 1 }, { at: 2 }],
  [true, { at: 2 }, { seq: 9, at: 1 }],
  [false, { seq: 9, at: 1 }, { at: 2 }],
])('newer is %s for %j after %j, for the replica and for the store', async (newer, next, mark) => {
  const order = ({ seq, at }: typeof next) => ({ n: undefined, seq, at });
  expect(isNewer(order(next), order(mark))).toBe(newer);
  await rules.accept(lamp, [{ ...order(mark), json: '{"light":1}' }]);
  const [outcome] = await rules.send({
    ...rules.evaluate(lamp, []),
    live: [{ ...order(next), json: '{"light":2}' }],
  });
  expect(outcome?.kind).toBe(newer ? 'accepted' : 'conflict');
});

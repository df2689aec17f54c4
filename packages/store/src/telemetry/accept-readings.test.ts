import { type Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { light, numbered, storedLights } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice, readWindow } from '../devices/devices.js';
import { recordPresence } from '../devices/presence.js';
import { WINDOW_BYTES, WINDOW_SIZE } from '../keys.js';
import { NEW_DEVICE } from '../rules/state-version.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

const device = () => readDevice(store.redis, lamp.fleet, lamp.device);
const lastLight = async () => (await device())?.last?.measurements.light;
const lights = (limit?: number) => storedLights(store.redis, lamp, limit);

describe('the last state', () => {
  it('is the first reading of an unknown device', async () => {
    expect(await rules.accept(lamp, [light(412)])).toMatchObject({ kind: 'accepted', commands: [] });
    expect(await device()).toMatchObject({
      presence: 'online',
      lesson: false,
      last: { late: false, measurements: { light: 412 } },
    });
  });

  it('is the reading with the highest sequence, even if the device clock was set back', async () => {
    await rules.accept(lamp, [light(2, { _seq: 2, _at: 1000 })]);
    await rules.accept(lamp, [light(1, { _seq: 1, _at: 900 })]);
    expect(await lastLight()).toBe(2);
    await rules.accept(lamp, [light(3, { _seq: 3, _at: 500 })]);
    expect(await lastLight()).toBe(3);
  });

  it('is the reading with the latest device time, without a sequence', async () => {
    await rules.accept(lamp, [light(2, { _at: 2000 })]);
    await rules.accept(lamp, [light(1, { _at: 1999 })]);
    expect(await lastLight()).toBe(2);
    await rules.accept(lamp, [light(3, { _at: 2000 })]);
    expect(await lastLight()).toBe(3);
  });

  it('is the last reading to arrive, without both', async () => {
    for (const value of [1, 3, 2]) await rules.accept(lamp, [light(value)]);
    expect(await lastLight()).toBe(2);
    expect(await lights()).toBe('1, 3, 2');
  });

  it('keeps the largest sequence exact', async () => {
    await rules.accept(lamp, numbered(Number.MAX_SAFE_INTEGER - 1));
    await rules.accept(lamp, numbered(Number.MAX_SAFE_INTEGER));
    await rules.accept(lamp, numbered(Number.MAX_SAFE_INTEGER - 2));
    expect((await device())?.last?.seq).toBe(Number.MAX_SAFE_INTEGER);
    expect(await lights()).toBe('9007199254740989 late, 9007199254740990, 9007199254740991');
  });

  it('keeps any text unchanged', async () => {
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

  it('has measurements only, no protocol fields', async () => {
    await rules.accept(lamp, [reading({ light: 1, _seq: 1, _boot: 9 })]);
    expect((await device())?.last).toMatchObject({ seq: 1, measurements: { light: 1 } });
  });
});

describe('the window', () => {
  it('has late readings at their place, and none of them was the last state', async () => {
    await rules.accept(lamp, numbered(1, 4, 6));
    expect(await rules.accept(lamp, numbered(5, 2, 3))).toMatchObject({
      kind: 'accepted',
      late: { stored: 3, duplicate: 0, tooOld: 0 },
    });
    expect(await lights()).toBe('1, 2 late, 3 late, 4, 5 late, 6');
    expect(await lastLight()).toBe(6);
  });

  it('accepts live and late readings in one part', async () => {
    await rules.accept(lamp, numbered(3));
    expect(await rules.accept(lamp, numbered(2, 4, 1, 5))).toMatchObject({
      late: { stored: 2, duplicate: 0, tooOld: 0 },
    });
    expect(await lights()).toBe('1 late, 2 late, 3, 4, 5');
  });

  it('orders late readings without a sequence by device time', async () => {
    for (const at of [1000, 3000]) await rules.accept(lamp, [light(at, { _at: at })]);
    await rules.accept(lamp, [light(2000, { _at: 2000 }), light(500, { _at: 500 })]);
    expect(await lights()).toBe('500 late, 1000, 2000 late, 3000');
  });

  it('recognises duplicates by their sequence, the last state included', async () => {
    await rules.accept(lamp, numbered(1, 2, 3));
    expect(await rules.accept(lamp, numbered(3, 2, 2))).toMatchObject({
      late: { stored: 0, duplicate: 3, tooOld: 0 },
    });
    expect(await rules.accept(lamp, numbered(0, 0))).toMatchObject({
      late: { stored: 1, duplicate: 1, tooOld: 0 },
    });
    expect(await lights()).toBe('0 late, 1, 2, 3');
  });

  it('recognises duplicates by device time and content, without a sequence', async () => {
    const early = light(1, { _at: 1000 });
    await rules.accept(lamp, [early, light(2, { _at: 2000 })]);
    const again = [early, light(7, { _at: 1000 })];
    expect(await rules.accept(lamp, again)).toMatchObject({ late: { stored: 1, duplicate: 1, tooOld: 0 } });
    expect(await rules.accept(lamp, again)).toMatchObject({ late: { stored: 0, duplicate: 2, tooOld: 0 } });
  });

  it('is limited, and the oldest readings are pruned', async () => {
    await rules.accept(lamp, numbered(...Array.from({ length: WINDOW_SIZE + 10 }, (_, i) => i)));
    await rules.accept(lamp, numbered(1000));
    const window = (await lights(1000)).split(', ');
    expect([window.length, window[0], window.at(-1)]).toEqual([WINDOW_SIZE, '11', '1000']);
  });

  it('is shorter for large readings, one by one and in replays', async () => {
    const large = (seq: number) => reading({ light: seq, _seq: seq, text: 'x'.repeat(10_000) });
    const most = Math.floor(WINDOW_BYTES / 10_000);
    for (let seq = 1; seq <= 40; seq += 1) await rules.accept(lamp, [large(seq)]);
    expect((await lights(1000)).split(', ')).toHaveLength(most - 1); // an entry is a little longer than its reading
    await rules.accept(
      lamp,
      Array.from({ length: 300 }, (_, i) => large(100 + i)),
    );
    expect((await lights(1000)).split(', ')).toHaveLength(most - 1);
    for (let seq = 1000; seq < 1600; seq += 1) await rules.accept(lamp, numbered(seq));
    expect((await lights(1000)).split(', ')).toHaveLength(WINDOW_SIZE);
  });

  it('when full replaces its oldest reading with a late one, and counts an older one as too old', async () => {
    await rules.accept(lamp, numbered(...Array.from({ length: WINDOW_SIZE }, (_, i) => 100 + 2 * i)));
    expect(await rules.accept(lamp, numbered(99, 103))).toMatchObject({
      late: { stored: 1, duplicate: 0, tooOld: 1 },
    });
    const window = (await lights(1000)).split(', ');
    expect([window.length, ...window.slice(0, 2)]).toEqual([WINDOW_SIZE, '102', '103 late']);
  });

  it('accepts a replay of thousands of readings of many devices in one batch', async () => {
    const lamps = Array.from({ length: 250 }, () => store.newDevice());
    const replay = numbered(...Array.from({ length: 500 }, (_, i) => i + 1));
    for (const one of lamps) await rules.accept(one, numbered(0));
    const outcomes = await rules.send(...lamps.map((one) => rules.evaluate(one, replay)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['accepted']));
    const ends = await Promise.all(lamps.map((one) => readDevice(store.redis, one.fleet, one.device)));
    expect(ends.every((end) => end?.last?.seq === 500)).toBe(true);
  });

  it('is read newest first, up to the limit', async () => {
    await rules.accept(lamp, numbered(1, 2, 3));
    const newest = await readWindow(store.redis, lamp.fleet, lamp.device, 2);
    expect(newest.map(({ seq, late }) => [seq, late])).toEqual([
      [3, false],
      [2, false],
    ]);
    expect(await readWindow(store.redis, lamp.fleet, 'unknown', 2)).toEqual([]);
  });
});

describe('history of a new device', () => {
  it('enters the window without becoming the last state', async () => {
    await recordPresence(store.redis, [{ address: lamp, message: { online: true, session: 1 } }]);
    const history = { version: NEW_DEVICE, late: numbered(2, 1), kinds: '22' };
    const [outcome] = await rules.send({ ...rules.evaluate(lamp, []), ...history });
    expect(outcome).toMatchObject({ kind: 'accepted', late: { stored: 0, retained: 2 } });
    expect(await lights()).toBe('1 late, 2 late');
    expect(await device()).not.toHaveProperty('last');
  });
});

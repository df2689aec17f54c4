import { type Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { counted } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import { DeviceAddress } from '../devices/device-address.js';
import { recordPresence } from '../devices/presence.js';
import { countRejected, readLedger } from './ledger.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

const readingsLedger = async () => (await readLedger(store.redis, lamp.fleet)).readings;

it('the ledger of an unknown fleet is empty', async () => {
  expect(await readLedger(store.redis, 'nowhere')).toMatchObject({
    readings: { declared: 0, stored: 0, rejected: {}, unexplained: 0 },
    commands: { issued: { rule: 0, api: 0, rollout: 0 }, open: 0, unexplained: 0 },
  });
});

describe('the ledger of readings', () => {
  it('is balanced when all readings taken are stored', async () => {
    await rules.accept(lamp, counted(1));
    await rules.accept(lamp, counted(2, 3));
    expect(await readingsLedger()).toMatchObject({
      declared: 3,
      declaringDevices: 1,
      stored: 3,
      unexplained: 0,
    });
  });

  it('shows missing readings until they arrive late', async () => {
    await rules.accept(lamp, counted(1, 4));
    expect(await readingsLedger()).toMatchObject({ declared: 4, stored: 2, unexplained: 2 });
    await rules.accept(lamp, counted(2, 3));
    expect(await readingsLedger()).toMatchObject({ declared: 4, stored: 2, late: 2, unexplained: 0 });
  });

  it('counts repetitions separately', async () => {
    await rules.accept(lamp, counted(1, 2));
    await rules.accept(lamp, counted(1, 2, 3));
    expect(await readingsLedger()).toMatchObject({ declared: 3, stored: 3, duplicate: 2, unexplained: 0 });
  });

  it('includes the readings that the device reports as dropped', async () => {
    await rules.accept(lamp, counted(1));
    await rules.accept(lamp, [reading({ light: 5, _n: 5, _dropped: 3, _seq: 1005 })]);
    expect(await readingsLedger()).toMatchObject({
      declared: 5,
      droppedByDevices: 3,
      stored: 2,
      unexplained: 0,
    });
  });

  it('finds the dropped count with any white space, and in no other text', async () => {
    const spaced = (text: string, n: number) => ({ ...reading({ _n: n, _seq: 1000 + n }), json: text });
    await rules.accept(lamp, counted(1));
    const python = '{"note": "\\"_dropped\\":70", "_n": 7, "_dropped" : 5, "_seq": 1007}';
    await rules.accept(lamp, [spaced(python, 7)]);
    expect(await readingsLedger()).toMatchObject({
      declared: 7,
      droppedByDevices: 5,
      stored: 2,
      unexplained: 0,
    });
    await rules.accept(lamp, [spaced('{"_n": 1, "_seq": 2001}', 1)]);
    expect(await readingsLedger()).toMatchObject({
      declared: 8,
      droppedByDevices: 5,
      stored: 3,
      unexplained: 0,
    });
    const other = store.newDevice();
    await rules.accept(other, [spaced('{ "_n": 9, "_dropped":\n2 }', 9)]);
    const { readings } = await readLedger(store.redis, other.fleet);
    expect(readings).toMatchObject({ declared: 1, droppedByDevices: 0, unexplained: 0 });
  });

  it('continues when the device counts from 1 again', async () => {
    await rules.accept(lamp, [...counted(1, 2), reading({ light: 3, _n: 4, _dropped: 1, _seq: 1004 })]);
    await rules.accept(lamp, [
      reading({ light: 1, _n: 1, _seq: 2001 }),
      reading({ light: 1, _n: 2, _seq: 2002 }),
    ]);
    expect(await readingsLedger()).toMatchObject({
      declared: 6,
      droppedByDevices: 1,
      stored: 5,
      unexplained: 0,
    });
    await rules.accept(lamp, [reading({ light: 1, _n: 2, _seq: 3002 })]);
    expect(await readingsLedger()).toMatchObject({ declared: 8, stored: 6, unexplained: 1 });
  });

  it('starts with the first reading that the store received, or with late ones before it', async () => {
    await rules.accept(lamp, [reading({ light: 1, _n: 70, _dropped: 20, _seq: 1070 })]);
    expect(await readingsLedger()).toMatchObject({
      declared: 1,
      droppedByDevices: 0,
      stored: 1,
      unexplained: 0,
    });
    await rules.accept(lamp, counted(69));
    expect(await readingsLedger()).toMatchObject({ declared: 2, stored: 1, late: 1, unexplained: 0 });
  });

  it('does not show losses of a device that does not count', async () => {
    await rules.accept(lamp, [reading({ light: 1, _seq: 1 }), reading({ light: 1, _seq: 9 })]);
    expect(await readingsLedger()).toMatchObject({
      declared: 0,
      declaringDevices: 0,
      stored: 2,
      unexplained: 0,
    });
  });

  it('counts rejected readings by reason', async () => {
    await rules.accept(lamp, counted(1, 3));
    await countRejected(store.redis, [
      {
        address: lamp,
        own: 1,
        reasons: new Map([
          ['clock', 1],
          ['bad_json', 2],
        ]),
      },
    ]);
    expect(await readingsLedger()).toMatchObject({
      declared: 3,
      stored: 2,
      rejected: { clock: 1, bad_json: 2 },
      unexplained: 0,
    });
  });

  it('returns the session of a device whose reading was rejected', async () => {
    const counts = { address: lamp, own: 1, reasons: new Map([['clock' as const, 1]]) };
    expect(await countRejected(store.redis, [counts])).toEqual([undefined]);
    await recordPresence(store.redis, [
      { address: lamp, message: { online: true, session: 7, telemetry: 'keep' } },
    ]);
    expect(await countRejected(store.redis, [counts])).toEqual([
      { id: 7, keeps: true, startedAt: expect.any(Number) },
    ]);
  });

  it('does not offset the losses of a device with the surplus of another', async () => {
    const other = new DeviceAddress(lamp.fleet, 'lamp-0002', false);
    await rules.accept(lamp, counted(1, 3));
    await rules.accept(other, counted(1));
    await countRejected(store.redis, [{ address: other, own: 5, reasons: new Map([['schema', 5]]) }]);
    expect(await readingsLedger()).toMatchObject({ declaringDevices: 2, unexplained: 1 });
  });

  it('does not change when a part is repeated', async () => {
    await rules.accept(lamp, counted(1));
    const part = rules.evaluate(lamp, counted(3, 2));
    await rules.send(part);
    const once = await readingsLedger();
    await rules.send(part);
    expect(await readingsLedger()).toEqual(once);
  });

  it('sums up a fleet of many devices', async () => {
    const lamps = Array.from({ length: 1500 }, (_, i) => new DeviceAddress(lamp.fleet, `lamp-${i}`, false));
    await Promise.all(lamps.map((one) => rules.accept(one, counted(1, 2))));
    expect(await readingsLedger()).toMatchObject({ declared: 3000, declaringDevices: 1500, stored: 3000 });
  });
});

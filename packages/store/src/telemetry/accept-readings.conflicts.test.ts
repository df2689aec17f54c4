import { emitted, Replica } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { light, numbered, storedLights } from '../../test/readings.js';
import { withDevice } from '../../test/store-setup.js';
import { listCommands } from '../commands/read-commands.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { NEW_DEVICE, UNKNOWN_VERSION } from '../rules/state-version.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDevice((setup) => {
  ({ store, device: lamp, rules } = setup);
});

const device = () => readDevice(store.redis, lamp.fleet, lamp.device);
const lights = (limit?: number) => storedLights(store.redis, lamp, limit);

describe('a part that was evaluated on outdated data', () => {
  const other = () => new Replica(store.redis);

  it('changes nothing, and the conflict has the stored data', async () => {
    await rules.accept(lamp, numbered(5), { rules: () => '{"n":1}' });
    const before = await snapshot();
    const [outcome] = await other().send({
      ...other().evaluate(lamp, numbered(6)),
      commands: [emitted(lamp)],
      late: numbered(1),
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
    ['on an outdated version', '0', [6]],
    ['on an unknown version', UNKNOWN_VERSION, [6]],
    ['as if the device were new', NEW_DEVICE, [6]],
    ['on an outdated last state', 'current', [5]],
  ])('%s changes nothing', async (_what, version, order) => {
    await rules.accept(lamp, numbered(5), { rules: () => '{"n":1}' });
    const before = await snapshot();
    const part = { ...rules.evaluate(lamp, []), live: numbered(...order), commands: [emitted(lamp)] };
    const [outcome] = await rules.send(version === 'current' ? part : { ...part, version });
    expect([outcome?.kind, await snapshot()]).toEqual(['conflict', before]);
  });

  it('as late although it is newer than the last state changes nothing', async () => {
    await rules.accept(lamp, numbered(5));
    const before = await snapshot();
    const [alone, behind] = [
      { ...rules.evaluate(lamp, []), late: numbered(4, 6) },
      { ...rules.evaluate(lamp, []), live: numbered(6, 7), late: numbered(8) },
    ];
    expect((await rules.send(alone, behind)).map(({ kind }) => kind)).toEqual(['conflict', 'conflict']);
    expect(await snapshot()).toEqual(before);
  });

  it('does not affect the other parts of its batch', async () => {
    const neighbour = store.newDevice();
    await rules.accept(lamp, numbered(1), { rules: () => '{"n":1}' });
    const stale = { ...other().evaluate(lamp, []), version: '0', live: numbered(2) };
    const [conflict, accepted] = await other().send(stale, {
      ...other().evaluate(neighbour, []),
      version: NEW_DEVICE,
      live: numbered(7),
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
    const live = order.length > 0 ? numbered(...order) : [light(1), light(2)];
    const part = rules.evaluate(lamp, live, { commands: [emitted(lamp)], rules: () => '{"n":1}' });
    await rules.send(part);
    expect(await rules.send(part)).toEqual([{ kind: 'repeated', commands: [] }]);
    expect(await lights()).toBe('0, 1, 2');
    expect(await listCommands(store.redis, lamp.fleet, lamp.device, { limit: 10 })).toHaveLength(1);
  });

  it('changes nothing when it is repeated with only late readings', async () => {
    await rules.accept(lamp, [light(1, { _at: 1000 }), light(3, { _at: 3000 })]);
    const part = rules.evaluate(lamp, [light(2, { _at: 2000 })]);
    expect((await rules.send(part))[0]).toMatchObject({ late: { stored: 1 } });
    expect(await rules.send(part)).toEqual([{ kind: 'repeated', commands: [] }]);
    expect(await lights()).toBe('1, 2 late, 3');
  });

  it('leaves one command of each id, although another replica wrote in between', async () => {
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

  it('is stored once, although another replica wrote in between', async () => {
    const other = new Replica(store.redis);
    await rules.accept(lamp, numbered(1));
    await other.accept(lamp, []);
    const part = rules.evaluate(lamp, numbered(2));
    await rules.send(part);
    await other.accept(lamp, numbered(3));
    const [repeated] = await rules.send(part);
    rules.adopt(lamp, repeated!);
    expect(await rules.accept(lamp, numbered(2))).toMatchObject({ late: { stored: 0, duplicate: 1 } });
    expect(await lights()).toBe('1, 2, 3');
  });
});

describe('rule states', () => {
  it('are stored with the device, and returned with a conflict', async () => {
    await rules.accept(lamp, numbered(1), { rules: () => '{"night-light":{"raised":true}}' });
    const other = new Replica(store.redis);
    await other.accept(lamp, []);
    expect(other.cache.get(lamp.name)).toMatchObject({
      rules: '{"night-light":{"raised":true}}',
      version: `${rules.name}.2`,
    });
  });

  it('are stored even if no reading is live', async () => {
    await rules.accept(lamp, numbered(1));
    await rules.send({ ...rules.evaluate(lamp, []), rules: '{"silent":true}' });
    const other = new Replica(store.redis);
    await other.accept(lamp, []);
    expect(other.cache.get(lamp.name)?.rules).toBe('{"silent":true}');
  });
});

describe('a reading that directly follows the previous one', () => {
  const counts = async () =>
    (await store.redis.lrange(lamp.windowKey, 0, -1)).map((entry) => Number(entry.split(',')[2]));

  it('is counted like any other', async () => {
    for (let seq = 1; seq <= 12; seq += 1) await rules.accept(lamp, numbered(seq));
    expect(await counts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('is a conflict if another replica has changed rule states in between', async () => {
    const other = new Replica(store.redis);
    for (let seq = 1; seq <= 12; seq += 2) {
      await rules.accept(lamp, numbered(seq));
      const overtaken = rules.evaluate(lamp, numbered(seq + 2));
      await other.accept(lamp, numbered(seq + 1), { rules: () => `{"seq":${seq}}` });
      const [outcome] = await rules.send(overtaken);
      expect([outcome!.kind, rules.adopt(lamp, outcome!)]).toEqual(['conflict', true]);
    }
    expect(await counts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import { connected, type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { findDueShards } from '../delivery/claim-commands.js';
import { MAX_OPEN_COMMANDS } from '../keys.js';
import { callFunction, loadFunctions } from './functions.js';
import { storeFailure } from './store-failure.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

it('an unknown function is an error', async () => {
  await expect(callFunction(store.redis, 'nothing-0', [], [])).rejects.toThrow('unknown function nothing-0');
});

describe('the library', () => {
  const libraries = async () => {
    const list = (await store.redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'lamplighter_*')) as string[][];
    return list.map((fields) => fields[fields.indexOf('library_name') + 1]!);
  };
  const loadOther = (name: string) =>
    store.redis.call(
      'FUNCTION',
      'LOAD',
      'REPLACE',
      `#!lua name=${name}\nredis.register_function('${name}_noop', function() end)`,
    );

  it('replaces those of other versions, and leaves those of other programs', async () => {
    const [own] = await libraries();
    await loadOther('lamplighter_earlier');
    await loadOther('other_program');
    await loadFunctions(store.redis);
    expect(await libraries()).toEqual([own]);
    expect(await store.redis.fcall('other_program_noop', 0)).toBeNull();
  });

  it('is loaded again for every call, though another process keeps deleting it', async () => {
    const [own] = await libraries();
    let isRunning = true;
    const deleteRepeatedly = async () => {
      while (isRunning) await store.redis.call('FUNCTION', 'DELETE', own!).catch(() => undefined);
    };
    const deletions = deleteRepeatedly();
    const lamp = store.newDevice();
    const replica = new Replica(store.redis);
    for (let seq = 1; seq <= 100; seq += 1) {
      const outcome = await replica.accept(lamp, [reading({ light: 1, _seq: seq })]).catch((error) => error);
      // Never an error of Redis, which would count as a fault of the readings.
      if (outcome instanceof Error) expect(storeFailure(outcome)).toBe('rejectingWrites');
    }
    isRunning = false;
    await deletions;
    await replica.accept(lamp, [reading({ light: 1, _seq: 1000 })]);
    expect(await libraries()).toEqual([own]);
  });

  it('returns when a replica of another version has deleted it', async () => {
    const [own] = await libraries();
    await store.redis.call('FUNCTION', 'DELETE', own!);
    const [now, later] = await Promise.all([findDueShards(store.redis), findDueShards(store.redis)]);
    expect([now.shards, later.shards]).toEqual([[], []]);
    expect(await libraries()).toEqual([own]);
  });

  it('repeats only the calls that did not find their function', async () => {
    const [own] = await libraries();
    const robot = store.newDevice();
    const queue = new DeviceQueue(store.redis, robot);
    const names = Array.from({ length: MAX_OPEN_COMMANDS }, (_, i) => `c${i}`);
    for (const name of names) await queue.enqueue(name, { lane: name });
    const acknowledgements = names.map((name) => ({
      device: robot.name,
      acknowledgement: { id: queue.id(name), status: 'succeeded' as const, result: 'x'.repeat(10_000) },
      cause: 'device',
    }));
    // The pipeline is longer than one read of Redis, so the deletion comes between its calls.
    const other = await connected(store.server.url);
    const [outcomes] = await Promise.all([
      acknowledgeCommands(store.redis, acknowledgements),
      other.call('FUNCTION', 'DELETE', own!),
    ]);
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['succeeded']));
  });
});

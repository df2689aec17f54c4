import { DEFAULT_ATTEMPTS } from '@lamplighter/contracts/commands/command';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import { recordPresence } from '../devices/presence.js';
import { LEASE_MS } from '../keys.js';

const HOUR = 3_600_000;
/** The Redis clock advances while a test makes its calls, by seconds on a loaded machine. */
const SLACK_MS = 4000;

let store: StoreUnderTest;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, queue } = setup);
});

describe('a lease', () => {
  it('excludes a command from every other claim until it ends', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.pass(LEASE_MS - SLACK_MS);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(SLACK_MS);
    expect(await queue.claim()).toEqual(['up dispatched 2']);
  });

  it('doubles with each attempt, and the last one ends as unknown', async () => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    for (let attempt = 2; attempt <= DEFAULT_ATTEMPTS; attempt += 1) {
      await queue.pass(LEASE_MS * 2 ** (attempt - 2) - SLACK_MS);
      expect(await queue.claim()).toEqual([]);
      await queue.pass(SLACK_MS);
      expect(await queue.claim()).toEqual([`up dispatched ${attempt}`]);
    }
    await queue.pass(LEASE_MS * 2 ** (DEFAULT_ATTEMPTS - 1));
    expect(await queue.claim()).toEqual([`up unknown ${DEFAULT_ATTEMPTS}`]);
    expect(await queue.states()).toBe('up unknown');
    expect(await queue.claim()).toEqual([]);
  });

  it('is the timeout once the device has acknowledged; then the command is dispatched again', async () => {
    await queue.enqueue('up', { timeoutMs: 90_000 });
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await queue.pass(80_000);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(10_000);
    expect(await queue.claim()).toEqual(['up dispatched 2']);
    expect((await queue.read('up'))?.transitions.at(-1)?.cause).toBe('timeout');
  });

  it('is limited to the attempts of the command', async () => {
    await queue.enqueue('up', { attempts: 2 });
    for (const claimed of ['up dispatched 1', 'up dispatched 2', 'up unknown 2']) {
      expect(await queue.claim()).toEqual([claimed]);
      await queue.pass(2 * LEASE_MS);
    }
  });

  it('allows a device that has started in time to take longer than the ttl', async () => {
    await queue.enqueue('up', { ttl: 10_000, timeoutMs: 60_000 });
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await queue.pass(50_000);
    expect([await queue.claim(), await queue.acknowledge('up', 'succeeded')]).toEqual([[], 'succeeded']);
  });

  it('does not start again after the expiry, even with attempts left', async () => {
    await queue.enqueue('up', { ttl: 10_000, timeoutMs: 60_000 });
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await queue.pass(60_000);
    expect(await queue.claim()).toEqual(['up unknown 1']);
    expect((await queue.read('up'))?.transitions.at(-1)?.cause).toBe('timeout');
  });

  it('never lasts beyond the expiry', async () => {
    await queue.enqueue('up', { ttl: 3000 });
    await queue.claim();
    await queue.pass(3001);
    expect(await queue.claim()).toEqual(['up unknown 1']);
  });

  it('is found by any claim, up to its limit', async () => {
    for (const lane of ['a', 'b', 'c', 'd', 'e']) await queue.enqueue(lane, { lane });
    const claimed = [await queue.claim(2), await queue.claim(2), await queue.claim(2)];
    expect(claimed.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(new Set(claimed.flat()).size).toBe(5);
  });

  it('goes to one of two replicas that claim concurrently', async () => {
    for (const lane of ['a', 'b', 'c']) await queue.enqueue(lane, { lane });
    const claims = await Promise.all([queue.claim(), queue.claim(), queue.claim()]);
    expect(claims.flat().sort()).toEqual(['a dispatched 1', 'b dispatched 1', 'c dispatched 1']);
  });
});

describe('a replica that was delayed', () => {
  /** Its lease has ended, and another replica has made a dispatch with the same attempt number. */
  const outlivedLease = async () => {
    await queue.enqueue('up');
    await queue.claim();
    const lease = await queue.lease('up', 1);
    await queue.requeue('up', lease, 0);
    // Ensures that the two dispatches differ in time.
    await queue.pass(1000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
    return { ...lease, claimedAt: lease.claimedAt - 1000 };
  };

  it('cannot requeue a command that another replica has claimed since', async () => {
    const lease = await outlivedLease();
    const before = await queue.read('up');
    await queue.requeue('up', lease);
    expect(await queue.read('up')).toEqual(before);
  });

  it('cannot give up a command that another replica has claimed since', async () => {
    const lease = await outlivedLease();
    expect([await queue.giveUp('up', lease), await queue.states()]).toEqual(['moved on', 'up dispatched']);
  });

  it.each(['acknowledged', 'succeeded'] as const)('cannot give up a command that was %s', async (status) => {
    await queue.enqueue('up');
    await queue.claim();
    const lease = await queue.lease('up', 1);
    await queue.acknowledge('up', status);
    expect([await queue.giveUp('up', lease), await queue.states()]).toEqual(['moved on', `up ${status}`]);
  });
});

describe('a command in flight when a newer one of its lane with policy latest arrives', () => {
  it('ends as superseded if the broker had no subscriber', async () => {
    await queue.enqueue('on', { policy: 'latest' });
    await queue.claim();
    await queue.enqueue('off', { policy: 'latest' });
    await queue.requeue('on', 1);
    expect(await queue.claim()).toEqual(['on superseded 0']);
    expect(await queue.claim()).toEqual(['off dispatched 1']);
  });

  it('ends as unknown instead of a second dispatch if it was not acknowledged', async () => {
    await queue.enqueue('on', { policy: 'latest' });
    await queue.claim();
    await queue.enqueue('off', { policy: 'latest' });
    await queue.pass(LEASE_MS);
    expect(await queue.claim()).toEqual(['on unknown 1']);
    expect(await queue.claim()).toEqual(['off dispatched 1']);
  });

  it('can still be acknowledged', async () => {
    await queue.enqueue('on', { policy: 'latest' });
    await queue.claim();
    await queue.enqueue('off', { policy: 'latest' });
    await queue.acknowledge('on', 'succeeded');
    expect(await queue.states()).toBe('on succeeded, off pending');
  });
});

describe('expiry', () => {
  it('ends a command that was never dispatched as expired, head or not', async () => {
    await queue.enqueue('up', { ttl: HOUR });
    await queue.enqueue('down', { ttl: 1000 });
    await queue.pass(1001);
    expect(await queue.claim()).toEqual(['up dispatched 1', 'down expired 0']);
    await queue.pass(HOUR);
    expect(await queue.states()).toBe('up dispatched, down expired');
  });

  it('ends a dispatched command as unknown, whether acknowledged or not', async () => {
    await queue.enqueue('up', { lane: 'a', ttl: 60_000 });
    await queue.enqueue('down', { lane: 'b', ttl: 60_000 });
    await queue.claim();
    await queue.acknowledge('down', 'acknowledged');
    await queue.pass(60_001);
    expect((await queue.claim()).sort()).toEqual(['down unknown 1', 'up unknown 1']);
  });

  it('ends a command without a subscriber as expired', async () => {
    await queue.enqueue('up', { ttl: 60_000 });
    await queue.claim();
    await queue.requeue('up', 1);
    await queue.pass(60_001);
    expect(await queue.claim()).toEqual(['up expired 0']);
  });

  it('ends as unknown a command that was dispatched once, and had no subscriber the second time', async () => {
    await queue.enqueue('up', { ttl: 60_000 });
    await queue.claim();
    await queue.pass(LEASE_MS);
    await queue.claim();
    await queue.requeue('up', 2);
    await queue.pass(60_001);
    expect(await queue.claim()).toEqual(['up unknown 1']);
  });
});

describe('a requeued command', () => {
  it.each([
    ['the minimum wait', 0, 10],
    ['a quarter of its age', 400_000, 100],
    ['at most 120 times the minimum wait', 4 * HOUR, 1200],
  ])('waits for %s', async (_what, age, seconds) => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    await queue.pass(age);
    await queue.claim();
    await queue.requeue('up', 1, 10_000);
    await queue.pass(seconds * 1000 - SLACK_MS);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(SLACK_MS + 1000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it('waits, and is then dispatched again as the same attempt', async () => {
    await queue.enqueue('up');
    await queue.claim();
    await queue.requeue('up', 1, 5000);
    expect([await queue.states(), await queue.claim()]).toEqual(['up pending', []]);
    await queue.pass(5000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it('does not wait if its device has published a birth since the dispatch', async () => {
    const announce = (session: number) =>
      recordPresence(store.redis, [{ address: queue.address, message: { online: true, session } }]);
    await queue.enqueue('up');
    await announce(1);
    await queue.pass(1000);
    await queue.claim();
    expect([...(await queue.requeue('up', 1))]).toEqual([]);
    await queue.pass(5000);
    await queue.claim();
    await announce(2);
    expect([...(await queue.requeue('up', 1))]).toEqual([queue.address.shard]);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it('does not wait if its policy is now: the next claim ends it, and the lane continues', async () => {
    await recordPresence(store.redis, [{ address: queue.address, message: { online: true, session: 1 } }]);
    await queue.enqueue('open', { policy: 'now' });
    await queue.enqueue('light');
    await queue.claim();
    expect([...(await queue.requeue('open', 1))]).toEqual([queue.address.shard]);
    expect(await queue.claim()).toEqual(['open expired 0']);
    expect((await queue.read('open'))!.transitions.at(-1)).toMatchObject({ cause: 'unreachable' });
    expect(await queue.claim()).toEqual(['light dispatched 1']);
  });

  it('ends as unknown if its policy is now and an earlier attempt was not acknowledged', async () => {
    await recordPresence(store.redis, [{ address: queue.address, message: { online: true, session: 1 } }]);
    await queue.enqueue('open', { policy: 'now' });
    await queue.claim();
    await queue.pass(LEASE_MS);
    await queue.claim();
    await queue.requeue('open', 2);
    expect(await queue.claim()).toEqual(['open unknown 1']);
  });

  it('never runs out of attempts while the device is offline', async () => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    for (let time = 0; time < 4 * DEFAULT_ATTEMPTS; time += 1) {
      expect(await queue.claim()).toEqual(['up dispatched 1']);
      await queue.requeue('up', 1, 5000);
      await queue.pass(600_000);
    }
    expect(await queue.states()).toBe('up pending');
  });

  it('still blocks its lane', async () => {
    await queue.enqueue('up');
    await queue.enqueue('down');
    await queue.claim();
    await queue.requeue('up', 1);
    expect(await queue.claim()).toEqual([]);
    await queue.pass(5000);
    expect(await queue.claim()).toEqual(['up dispatched 1']);
  });

  it.each<[what: string, attempt: number, meanwhile: () => Promise<unknown>]>([
    ['it was acknowledged', 1, () => queue.acknowledge('up', 'acknowledged')],
    ['it has ended', 1, () => queue.acknowledge('up', 'succeeded')],
    [
      'another replica holds the next lease',
      1,
      async () => {
        await queue.pass(LEASE_MS);
        await queue.claim();
      },
    ],
    ['the attempt does not exist', 2, async () => {}],
    ['it was requeued already', 1, () => queue.requeue('up', 1)],
  ])('does not change when %s', async (_what, attempt, meanwhile) => {
    await queue.enqueue('up');
    await queue.claim();
    await meanwhile();
    const before = await queue.read('up');
    await queue.requeue('up', attempt);
    expect(await queue.read('up')).toEqual(before);
  });

  it('keeps a limited number of transitions, including the first and the last ones', async () => {
    await queue.enqueue('up', { ttl: 24 * HOUR });
    for (let time = 0; time < 200; time += 1) {
      await queue.claim();
      await queue.requeue('up', 1, 0);
    }
    await queue.claim();
    await queue.acknowledge('up', 'succeeded');
    const { transitions } = (await queue.read('up'))!;
    expect(transitions.length).toBeLessThan(100);
    expect([transitions[0], ...transitions.slice(-2)]).toMatchObject([
      { state: 'pending', cause: 'api' },
      { state: 'dispatched', cause: 'claim' },
      { state: 'succeeded', cause: 'device' },
    ]);
  });
});

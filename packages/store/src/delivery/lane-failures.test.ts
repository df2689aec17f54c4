import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { DeviceQueue } from '../../test/device-queue.js';
import { withDeviceQueue } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { LEASE_MS } from '../keys.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let store: StoreUnderTest;
let robot: DeviceAddress;
let queue: DeviceQueue;
withDeviceQueue((setup) => {
  ({ store, device: robot, queue } = setup);
});

/** How the first command of a lane fails, and its final state. It lives for a minute and has one attempt. */
const failures: [how: string, fails: () => Promise<unknown>, state: string][] = [
  ['fails', () => queue.claim().then(() => queue.acknowledge('up', 'failed')), 'failed'],
  ['is rejected', () => queue.claim().then(() => queue.acknowledge('up', 'rejected')), 'rejected'],
  ['is given up', () => queue.claim().then(() => queue.giveUp('up')), 'unknown'],
  [
    'is not acknowledged',
    async () => {
      await queue.claim();
      await queue.pass(LEASE_MS);
      await queue.claim();
    },
    'unknown',
  ],
  ['expires', () => queue.pass(MINUTE).then(() => queue.claim()), 'expired'],
];
const FIRST = { ttl: MINUTE, attempts: 1 };

describe('a lane whose head has onFailure stop', () => {
  const enqueue = async () => {
    await queue.enqueue('up', { onFailure: 'stop', ...FIRST });
    await queue.enqueue('grab', { onFailure: 'stop' });
    await queue.enqueue('down');
  };

  it.each(failures)('stops when the head %s, until it is resumed', async (_how, fails, state) => {
    await enqueue();
    await fails();
    expect([await queue.states(), await queue.stopped()]).toEqual([
      `up ${state}, grab pending, down pending`,
      ['arm by up'],
    ]);
    await queue.wake();
    expect(await queue.claim()).toEqual([]);
    expect([await queue.resume(), await queue.stopped()]).toEqual(['up', []]);
    expect(await queue.claim()).toEqual(['grab dispatched 1']);
    expect(await queue.resume()).toBeUndefined();
  });

  it('continues when the head succeeds', async () => {
    await enqueue();
    await queue.claim();
    await queue.acknowledge('up', 'succeeded');
    expect([await queue.claim(), await queue.stopped()]).toEqual([['grab dispatched 1'], []]);
  });

  it('continues when the head is cancelled, because that is not a failure', async () => {
    await enqueue();
    await queue.cancel('up');
    expect([await queue.claim(), await queue.stopped()]).toEqual([['grab dispatched 1'], []]);
  });

  it('stays stopped for later commands, from the API or a rule, even without pending ones', async () => {
    await queue.enqueue('up', { onFailure: 'stop' });
    await queue.claim();
    await queue.acknowledge('up', 'failed');
    await queue.enqueue('later');
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ light: 1 })], {
      commands: [emitted(robot, { lane: 'arm', policy: 'ordered' })],
    });
    expect(commands.map(({ state }) => state)).toEqual(['pending']);
    await queue.cancel('later');
    expect(await queue.claim()).toEqual([]);
    await queue.resume();
    expect((await queue.claims()).map(({ command }) => command.id)).toEqual([commands[0]!.id]);
  });

  it('blocks no other lane', async () => {
    await enqueue();
    await queue.claim();
    await queue.acknowledge('up', 'failed');
    await queue.enqueue('light', { lane: 'arm.2' });
    expect(await queue.claim()).toEqual(['light dispatched 1']);
    expect(await queue.resume('arm.2')).toBeUndefined();
  });

  it('allows pending commands to expire and to be cancelled', async () => {
    await enqueue();
    await queue.claim();
    await queue.acknowledge('up', 'failed');
    expect(await queue.cancel('grab')).toBe('cancelled');
    await queue.pass(HOUR);
    expect(await queue.claim()).toEqual(['down expired 0']);
    expect(await queue.stopped()).toEqual(['arm by up']);
  });
});

describe('a lane whose head has onFailure abort-rest', () => {
  it.each(failures)('is empty when the head %s', async (_how, fails, state) => {
    await queue.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await queue.enqueue('grab');
    await queue.enqueue('down', { onFailure: 'stop' });
    await fails();
    expect(await queue.states()).toBe(`up ${state}, grab cancelled, down cancelled`);
    expect((await queue.read('down'))?.transitions.at(-1)?.cause).toBe(`aborted:${queue.id('up')}`);
    await queue.enqueue('again');
    expect([await queue.stopped(), await queue.claim()]).toEqual([[], ['again dispatched 1']]);
  });

  it('continues when the head succeeds', async () => {
    await queue.enqueue('up', { onFailure: 'abort-rest' });
    await queue.enqueue('grab');
    await queue.claim();
    await queue.acknowledge('up', 'succeeded');
    expect(await queue.claim()).toEqual(['grab dispatched 1']);
  });

  it('blocks no other lane', async () => {
    await queue.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await queue.enqueue('light', { lane: 'arm.2' });
    await queue.claim();
    await queue.acknowledge('up', 'failed');
    expect(await queue.states()).toBe('up failed, light dispatched');
  });

  it('returns the aborted commands', async () => {
    await queue.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await queue.enqueue('grab');
    await queue.pass(MINUTE);
    expect((await queue.claims()).map(({ aborted }) => aborted)).toEqual([[queue.id('grab')]]);
  });
});

it.each(['stop', 'abort-rest'] as const)(
  'a command that expires before its turn fails when it is the head: %s',
  async (onFailure) => {
    await queue.enqueue('up', { timeoutMs: HOUR });
    await queue.enqueue('grab', { onFailure, ttl: MINUTE });
    await queue.enqueue('down');
    await queue.claim();
    await queue.acknowledge('up', 'acknowledged');
    await queue.pass(MINUTE);
    expect(await queue.claim()).toEqual([]);
    expect(await queue.states()).toBe('up acknowledged, grab pending, down pending');
    await queue.acknowledge('up', 'succeeded');
    expect(await queue.claim()).toEqual(['grab expired 0']);
    const down = onFailure === 'stop' ? 'pending' : 'cancelled';
    expect(await queue.states()).toBe(`up succeeded, grab expired, down ${down}`);
    expect(await queue.claim()).toEqual([]);
  },
);

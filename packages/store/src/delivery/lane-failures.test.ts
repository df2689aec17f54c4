import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import type { CommandDesk } from '../../test/command-desk.js';
import { withCommandDesk } from '../../test/store-setup.js';
import type { DeviceAddress } from '../devices/device-address.js';
import { LEASE_MS } from './lease.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let store: StoreUnderTest;
let robot: DeviceAddress;
let desk: CommandDesk;
withCommandDesk((setup) => {
  ({ store, device: robot, desk } = setup);
});

/** How the first command of a lane fails, and its final state. It lives for a minute and has one attempt. */
const failures: [how: string, fails: () => Promise<unknown>, state: string][] = [
  ['fails', () => desk.claim().then(() => desk.acknowledge('up', 'failed')), 'failed'],
  ['is rejected', () => desk.claim().then(() => desk.acknowledge('up', 'rejected')), 'rejected'],
  ['is given up', () => desk.claim().then(() => desk.giveUp('up')), 'unknown'],
  [
    'is not acknowledged',
    async () => {
      await desk.claim();
      await desk.pass(LEASE_MS);
      await desk.claim();
    },
    'unknown',
  ],
  ['expires', () => desk.pass(MINUTE).then(() => desk.claim()), 'expired'],
];
const FIRST = { ttl: MINUTE, attempts: 1 };

describe('a lane whose head has onFailure stop', () => {
  const enqueue = async () => {
    await desk.enqueue('up', { onFailure: 'stop', ...FIRST });
    await desk.enqueue('grab', { onFailure: 'stop' });
    await desk.enqueue('down');
  };

  it.each(failures)('stops when the head %s, until it is resumed', async (_how, fails, state) => {
    await enqueue();
    await fails();
    expect([await desk.states(), await desk.stopped()]).toEqual([
      `up ${state}, grab pending, down pending`,
      ['arm by up'],
    ]);
    await desk.wake();
    expect(await desk.claim()).toEqual([]);
    expect([await desk.resume(), await desk.stopped()]).toEqual(['up', []]);
    expect(await desk.claim()).toEqual(['grab dispatched 1']);
    expect(await desk.resume()).toBeUndefined();
  });

  it('continues when the head succeeds', async () => {
    await enqueue();
    await desk.claim();
    await desk.acknowledge('up', 'succeeded');
    expect([await desk.claim(), await desk.stopped()]).toEqual([['grab dispatched 1'], []]);
  });

  it('continues when the head is cancelled, because that is no failure', async () => {
    await enqueue();
    await desk.cancel('up');
    expect([await desk.claim(), await desk.stopped()]).toEqual([['grab dispatched 1'], []]);
  });

  it('stays stopped for later commands, from the API or a rule, even without pending ones', async () => {
    await desk.enqueue('up', { onFailure: 'stop' });
    await desk.claim();
    await desk.acknowledge('up', 'failed');
    await desk.enqueue('later');
    const { commands } = await new Replica(store.redis).accept(robot, [reading({ light: 1 })], {
      commands: [emitted(robot, { lane: 'arm', policy: 'ordered' })],
    });
    expect(commands.map(({ state }) => state)).toEqual(['pending']);
    await desk.cancel('later');
    expect(await desk.claim()).toEqual([]);
    await desk.resume();
    expect((await desk.claims()).map(({ command }) => command.id)).toEqual([commands[0]!.id]);
  });

  it('blocks no other lane', async () => {
    await enqueue();
    await desk.claim();
    await desk.acknowledge('up', 'failed');
    await desk.enqueue('light', { lane: 'arm.2' });
    expect(await desk.claim()).toEqual(['light dispatched 1']);
    expect(await desk.resume('arm.2')).toBeUndefined();
  });

  it('allows pending commands to expire and to be cancelled', async () => {
    await enqueue();
    await desk.claim();
    await desk.acknowledge('up', 'failed');
    expect(await desk.cancel('grab')).toBe('cancelled');
    await desk.pass(HOUR);
    expect(await desk.claim()).toEqual(['down expired 0']);
    expect(await desk.stopped()).toEqual(['arm by up']);
  });
});

describe('a lane whose head has onFailure abort-rest', () => {
  it.each(failures)('is empty when the head %s', async (_how, fails, state) => {
    await desk.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await desk.enqueue('grab');
    await desk.enqueue('down', { onFailure: 'stop' });
    await fails();
    expect(await desk.states()).toBe(`up ${state}, grab cancelled, down cancelled`);
    expect((await desk.read('down'))?.transitions.at(-1)?.cause).toBe(`aborted:${desk.id('up')}`);
    await desk.enqueue('again');
    expect([await desk.stopped(), await desk.claim()]).toEqual([[], ['again dispatched 1']]);
  });

  it('continues when the head succeeds', async () => {
    await desk.enqueue('up', { onFailure: 'abort-rest' });
    await desk.enqueue('grab');
    await desk.claim();
    await desk.acknowledge('up', 'succeeded');
    expect(await desk.claim()).toEqual(['grab dispatched 1']);
  });

  it('blocks no other lane', async () => {
    await desk.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await desk.enqueue('light', { lane: 'arm.2' });
    await desk.claim();
    await desk.acknowledge('up', 'failed');
    expect(await desk.states()).toBe('up failed, light dispatched');
  });

  it('returns the aborted commands', async () => {
    await desk.enqueue('up', { onFailure: 'abort-rest', ...FIRST });
    await desk.enqueue('grab');
    await desk.pass(MINUTE);
    expect((await desk.claims()).map(({ aborted }) => aborted)).toEqual([[desk.id('grab')]]);
  });
});

it.each(['stop', 'abort-rest'] as const)(
  'a command that expires before its turn fails when it is the head: %s',
  async (onFailure) => {
    await desk.enqueue('up', { timeoutMs: HOUR });
    await desk.enqueue('grab', { onFailure, ttl: MINUTE });
    await desk.enqueue('down');
    await desk.claim();
    await desk.acknowledge('up', 'acknowledged');
    await desk.pass(MINUTE);
    expect(await desk.claim()).toEqual([]);
    expect(await desk.states()).toBe('up acknowledged, grab pending, down pending');
    await desk.acknowledge('up', 'succeeded');
    expect(await desk.claim()).toEqual(['grab expired 0']);
    const down = onFailure === 'stop' ? 'pending' : 'cancelled';
    expect(await desk.states()).toBe(`up succeeded, grab expired, down ${down}`);
    expect(await desk.claim()).toEqual([]);
  },
);

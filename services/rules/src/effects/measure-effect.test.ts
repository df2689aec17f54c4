import type { Action } from '@lamplighter/contracts/commands/command';
import { compileExpression } from '@lamplighter/evaluation/expression/expression';
import { commandJson, readCommand } from '@lamplighter/store/commands/read-commands';
import { acknowledgeCommands } from '@lamplighter/store/delivery/acknowledge-commands';
import { claimCommands } from '@lamplighter/store/delivery/claim-commands';
import { requeueCommands } from '@lamplighter/store/delivery/requeue-commands';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { type EffectFinding, recordEffect } from '@lamplighter/store/effects/effects';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { redisNow } from '@lamplighter/store/redis/connect';
import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { measureEffect } from './measure-effect.js';

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

const WITHIN_MS = 60_000;
const compile = (text: string) => compileExpression(text, { returns: 'bool', variables: ['last', 'device'] });
const pass = (ms: number) => timePasses(store.redis, ms, lamp);

/** Stores readings of the lamp, each followed by a second. */
async function report(...lights: number[]): Promise<void> {
  for (const light of lights) {
    await rules.accept(lamp, [reading({ light })]);
    await pass(1000);
  }
}

/** Stores a reading with a command of a rule; returns the command's id. */
async function command(light: number, action: Action = { led_on: true }, lane = 'led'): Promise<string> {
  const expected = { expect: 'light > last.light + 50', withinMs: WITHIN_MS };
  const one = emitted(lamp, { json: commandJson({ source: 'rule', rule: 'r', expected }, action), lane });
  await rules.accept(lamp, [reading({ light })], { commands: [one] });
  await pass(1000);
  return one.id;
}

async function succeed(id: string): Promise<void> {
  await acknowledgeCommands(store.redis, [
    { device: lamp.name, acknowledgement: { id, status: 'succeeded' }, cause: 'device' },
  ]);
  await pass(1000);
}

const measure = async (id: string): Promise<EffectFinding | undefined> =>
  measureEffect(store.redis, { ...lamp, id }, await redisNow(store.redis), compile);

describe('measureEffect', () => {
  it('compares with the reading before the command', async () => {
    await report(500, 400);
    const id = await command(10);
    await report(200); // between dispatch and success: neither before nor after
    await succeed(id);
    await report(61);
    expect(await measure(id)).toEqual({
      rule: 'r',
      outcome: 'effective',
      evidence: { last: { light: 10 }, reading: { light: 61 } },
    });
  });

  it('compares with the reading before the first dispatch with a subscriber', async () => {
    await report(500);
    const id = await command(10);
    const { transitions } = (await readCommand(store.redis, id))!;
    const lease = { id, device: lamp.name, attempt: 1, claimedAt: transitions.at(-1)!.at };
    await requeueCommands(store.redis, [{ ...lease, waitMs: 5000, cause: 'unreachable' }]);
    await report(200);
    await pass(6000);
    expect(await claimCommands(store.redis, [lamp.shard], 10)).toMatchObject([{ attempt: 1 }]);
    await pass(6000);
    await report(230); // the lease expires, and the command is dispatched again; the first dispatch may have arrived
    expect(await claimCommands(store.redis, [lamp.shard], 10)).toMatchObject([{ attempt: 2 }]);
    await succeed(id);
    await report(251);
    expect(await measure(id)).toMatchObject({ outcome: 'effective', evidence: { last: { light: 200 } } });
  });

  it('returns pending with growing waits until the deadline', async () => {
    const id = await command(10);
    await succeed(id);
    const waits: number[] = [];
    let found = await measure(id);
    while (found?.nextAt !== undefined) {
      const wait = found.nextAt - (await redisNow(store.redis));
      waits.push(Math.round(wait / 1000));
      await pass(wait);
      found = await measure(id);
    }
    // 2, 3, 6, 12, 24, and the rest of the minute, less the duration of the test.
    expect(waits).toHaveLength(6);
    const growing = waits.slice(0, -1);
    expect(growing).toEqual(growing.toSorted((a, b) => a - b));
    const total = waits.reduce((sum, wait) => sum + wait, 0);
    expect(total).toBeGreaterThan(50);
    expect(total).toBeLessThanOrEqual(60);
    expect(found?.outcome).toBe('unmeasured');
  });

  it('returns unmeasured if the Redis clock was set back after the success', async () => {
    const id = await command(10);
    await succeed(id);
    await pass(-3_600_000);
    await report(500);
    expect(await measure(id)).toEqual({ rule: 'r', outcome: 'unmeasured', evidence: {} });
  });

  it('ignores readings after the deadline', async () => {
    const id = await command(10);
    await succeed(id);
    await report(20);
    await pass(WITHIN_MS);
    await report(500);
    expect(await measure(id)).toMatchObject({ outcome: 'ineffective', evidence: { reading: { light: 20 } } });
  });

  it('remembers the previous and the contradicting reading after they have left the window', async () => {
    const id = await command(10);
    await succeed(id);
    await report(20);
    const first = await measure(id);
    expect(first).toMatchObject({ outcome: 'pending', evidence: { last: { light: 10 } } });
    const nothing = Array.from({ length: WINDOW_SIZE + 40 }, () => reading({ temperature: 1 }));
    await recordEffect(store.redis, { ...lamp, id }, first!);
    await rules.accept(lamp, nothing);
    await pass(WITHIN_MS);
    expect(await measure(id)).toMatchObject({
      outcome: 'ineffective',
      evidence: { last: { light: 10 }, reading: { light: 20 } },
    });
  });

  it('returns unmeasured after another command in the same lane', async () => {
    const id = await command(10);
    await succeed(id);
    await report(20);
    await command(400, { led_on: false });
    expect(await measure(id)).toMatchObject({ outcome: 'unmeasured' });
  });

  it.each([
    ['the same action', { led_on: true }, 'led'],
    ['another lane', { siren: true }, 'siren'],
  ])('continues after a command with %s', async (_what, action, lane) => {
    const id = await command(10);
    await succeed(id);
    await command(20, action, lane);
    expect(await measure(id)).toMatchObject({ outcome: 'pending' });
  });

  it('ignores late readings', async () => {
    await rules.accept(lamp, [reading({ light: 400, _seq: 10 })]);
    const seen = emitted(lamp, {
      json: commandJson(
        { source: 'rule', rule: 'r', expected: { expect: 'light > 100', withinMs: 1000 } },
        { led_on: true },
      ),
    });
    await rules.accept(lamp, [reading({ light: 10, _seq: 11 })], { commands: [seen] });
    await succeed(seen.id);
    await rules.accept(lamp, [reading({ light: 300, _seq: 5 })]);
    await pass(2000);
    expect(await measure(seen.id)).toMatchObject({ outcome: 'unmeasured' });
  });

  it('returns undefined for a pruned command', async () => {
    expect(await measure((await command(10)).replace(/^.{10}/, '01AAAAAAAA'))).toBeUndefined();
  });

  it('returns unmeasured for an expression that cannot be compiled', async () => {
    const id = await command(10);
    await succeed(id);
    const finding = await measureEffect(store.redis, { ...lamp, id }, Date.now(), () => undefined);
    expect(finding).toEqual({ rule: 'r', outcome: 'unmeasured', evidence: {} });
    expect((await readCommand(store.redis, id))?.effect?.outcome).toBe('pending');
  });
});

import type { CommandState } from '@lamplighter/contracts/commands/command';
import { emitted, type Replica, reading } from '@lamplighter/test-kit/store/replica';
import type { StoreUnderTest } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import { withDeviceQueue } from '../../test/store-setup.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { commandJson, readCommand } from '../commands/read-commands.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { DeviceAddress } from '../devices/device-address.js';
import { listDevices } from '../devices/devices.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  commandKeys,
  effectsKey,
  OUTCOMES_KEPT_PER_DEVICE,
  PRUNE_STRIDE,
} from '../keys.js';
import {
  claimEffects,
  dropEffect,
  EFFECT_LEASE_MS,
  type EffectFinding,
  readDeviceEffects,
  recordEffect,
} from './effects.js';

let store: StoreUnderTest;
let lamp: DeviceAddress;
let rules: Replica;
withDeviceQueue(
  (setup) => {
    ({ store, device: lamp, rules } = setup);
  },
  { name: 'lamp-0001', isConnected: false },
);

const EXPECTED = { expect: 'light > last.light + 50', withinMs: 60_000 };
type Status = 'acknowledged' | 'succeeded' | 'failed';

/** A rule commands a lamp, which acknowledges. Returns the id of the command. */
async function command(
  status: Status | undefined,
  { address = lamp, rule = 'night-light', expected = EXPECTED as typeof EXPECTED | null } = {},
): Promise<string> {
  const json = commandJson({ source: 'rule', rule, expected: expected ?? undefined }, { led_on: true });
  const one = emitted(address, { json, lane: rule });
  await rules.accept(address, [reading({ light: 1 })], { commands: [one] });
  if (status !== undefined) await acknowledge(one.id, status, address);
  return one.id;
}

async function acknowledge(id: string, status: Status, address = lamp): Promise<string> {
  const [answered] = await acknowledgeCommands(store.redis, [
    { device: address.name, acknowledgement: { id, status }, cause: 'device' },
  ]);
  return answered!.outcome;
}

const check = (id: string, { fleet, device } = lamp) => ({ fleet, device, id });
const claimed = async (limit = 100) => (await claimEffects(store.redis, limit)).checks.map(({ id }) => id);
const record = (id: string, finding: Partial<EffectFinding>, address = lamp) =>
  recordEffect(store.redis, check(id, address), {
    rule: 'night-light',
    outcome: 'ineffective',
    evidence: {},
    ...finding,
  });
const effect = async (id: string) => (await readCommand(store.redis, id))?.effect;
const suspects = async () =>
  (await listDevices(store.redis, lamp.fleet, { limit: 10, effect: 'ineffective' })).devices.map(
    ({ device }) => device,
  );

describe('an effect is checked', () => {
  it('after its command has succeeded, and not before', async () => {
    const id = await command(undefined);
    const listed = () => store.redis.zrange(effectsKey(lamp.shard), '0', '-1');
    expect(await effect(id)).toEqual({ ...EXPECTED, outcome: 'pending' });
    await acknowledge(id, 'acknowledged');
    expect(await listed()).toEqual([]);
    await acknowledge(id, 'succeeded');
    expect(await listed()).toEqual([`${lamp.name}/${id}`]);
    expect(await acknowledge(id, 'succeeded')).toBe('repeated');
    expect(await listed()).toHaveLength(1);
  });

  it.each<[string, Status, typeof EXPECTED | null]>([
    ['failed', 'failed', EXPECTED],
    ['is of a rule that expects no effect', 'succeeded', null],
  ])('not for a command that %s', async (_what, status, expected) => {
    const id = await command(status, { expected });
    await timePasses(store.redis, 120_000);
    expect(await claimed()).toEqual([]);
    expect(await effect(id)).toBeUndefined();
    expect((await readCommand(store.redis, id))?.state).toBe<CommandState>(status);
  });

  it('not for a command of the API', async () => {
    const { fleet, device } = lamp;
    const request = {
      fleet,
      device,
      lane: 'led',
      policy: 'latest' as const,
      ttl: 60_000,
      action: { effect_ms: 5 },
    };
    const result = await enqueueCommand(store.redis, request);
    expect(await acknowledge((result as { id: string }).id, 'succeeded')).toBe('succeeded');
    expect(await store.redis.exists(effectsKey(lamp.shard))).toBe(0);
  });

  it.each([
    ['two seconds after the success', 60_000, 2000],
    ['at its deadline, if that is earlier', 1000, 1000],
  ])('%s', async (_when, withinMs, firstMs) => {
    const id = await command('succeeded', { expected: { ...EXPECTED, withinMs } });
    await timePasses(store.redis, firstMs - 900);
    expect(await claimed()).toEqual([]);
    await timePasses(store.redis, 900);
    expect(await claimed()).toEqual([id]);
  });

  it('by one replica at a time, and by another one if that crashes', async () => {
    const id = await command('succeeded');
    await timePasses(store.redis, 3000);
    expect(await claimed()).toEqual([id]);
    expect(await claimed()).toEqual([]);
    await timePasses(store.redis, EFFECT_LEASE_MS);
    expect(await claimed()).toEqual([id]);
  });

  it('up to the limit, in all shards', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1)
      ids.push(await command('succeeded', { address: new DeviceAddress(lamp.fleet, `lamp-${i}`, false) }));
    await timePasses(store.redis, 3000);
    const found: string[] = [];
    for (const size of [3, 3, 1, 0]) {
      const some = await claimed(3);
      expect(some).toHaveLength(size);
      found.push(...some);
    }
    expect(found.toSorted()).toEqual(ids.toSorted());
  });
});

describe('the outcome', () => {
  it('is stored with the acknowledgement, once', async () => {
    const id = await command('succeeded');
    const evidence = { last: { light: 20 }, reading: { light: 21 } };
    expect(await record(id, { evidence })).toBe(true);
    const found = await effect(id);
    expect(found).toEqual({ ...EXPECTED, outcome: 'ineffective', at: expect.any(Number), ...evidence });
    expect(await record(id, { outcome: 'effective' })).toBe(false);
    expect(await effect(id)).toEqual(found);
    await timePasses(store.redis, 120_000);
    expect(await claimed()).toEqual([]);
  });

  it('can be pending, with the current evidence and the time of the next check', async () => {
    const id = await command('succeeded');
    await timePasses(store.redis, 3000);
    const { now } = await claimEffects(store.redis, 1);
    const evidence = { last: { light: 20 } };
    expect(await record(id, { outcome: 'pending', evidence, nextAt: now + 5000 })).toBe(true);
    expect(await effect(id)).toEqual({ ...EXPECTED, outcome: 'pending', ...evidence });
    expect(await claimed()).toEqual([]);
    await timePasses(store.redis, 5000);
    expect(await claimed()).toEqual([id]);
  });

  it('is stored without evidence that is too large', async () => {
    const id = await command('succeeded');
    await record(id, { evidence: { reading: { note: 'x'.repeat(5000) } } });
    expect(await effect(id)).toEqual({ ...EXPECTED, outcome: 'ineffective', at: expect.any(Number) });
  });

  it('is pruned with the command', async () => {
    const [id, open] = [await command('succeeded'), await command('succeeded')];
    await record(id, {});
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + PRUNE_STRIDE; i += 1) await command('failed');
    const acknowledgements = await store.redis.hkeys(commandKeys(lamp.shard)[2]!);
    expect(acknowledgements.filter((field) => field.startsWith(id) || field.startsWith(open))).toEqual([]);
    expect(await record(open, {})).toBe(false);
    expect(await store.redis.exists(effectsKey(lamp.shard))).toBe(0);
    expect(await store.redis.hkeys(commandKeys(lamp.shard)[2]!)).toEqual(acknowledgements);
  });

  it('can be unmeasured', async () => {
    const id = await command('succeeded');
    await dropEffect(store.redis, check(id));
    await timePasses(store.redis, 120_000);
    expect(await claimed()).toEqual([]);
  });
});

describe('a device with an ineffective command', () => {
  it('is listed until the effect occurs; an unmeasured one changes nothing', async () => {
    await record(await command('succeeded'), { outcome: 'effective' });
    expect(await suspects()).toEqual([]);
    await record(await command('succeeded'), { outcome: 'ineffective' });
    expect(await suspects()).toEqual([lamp.device]);
    await record(await command('succeeded'), { outcome: 'unmeasured' });
    expect(await suspects()).toEqual([lamp.device]);
    await record(await command('succeeded'), { outcome: 'effective' });
    expect(await suspects()).toEqual([]);
  });

  it('is listed while one of its rules is ineffective', async () => {
    const other = { rule: 'heating' };
    await record(await command('succeeded'), { outcome: 'ineffective' });
    const id = await command('succeeded', other);
    await record(id, { ...other, outcome: 'effective' });
    expect(await suspects()).toEqual([lamp.device]);
    expect(await readDeviceEffects(store.redis, lamp.fleet, lamp.device)).toMatchObject([
      { rule: 'heating', outcome: 'effective', command: id, at: expect.any(Number) },
      { rule: 'night-light', outcome: 'ineffective' },
    ]);
  });

  it('is listed by its newest command, in any order of outcomes', async () => {
    const [older, newer] = [await command('succeeded'), await command('succeeded')];
    await record(newer, { outcome: 'effective' });
    expect(await record(older, { outcome: 'ineffective' })).toBe(true);
    expect(await suspects()).toEqual([]);
    expect(await effect(older)).toMatchObject({ outcome: 'ineffective' });
  });

  it('has outcomes for a limited number of rules', async () => {
    for (let i = 0; i < OUTCOMES_KEPT_PER_DEVICE + 3; i += 1) {
      const rule = `rule-${String(i).padStart(3, '0')}`;
      await record(await command('succeeded', { rule }), { rule, outcome: 'effective' });
    }
    const kept = await readDeviceEffects(store.redis, lamp.fleet, lamp.device);
    expect(kept).toHaveLength(OUTCOMES_KEPT_PER_DEVICE);
    expect(kept.at(-1)?.rule).toBe(`rule-${OUTCOMES_KEPT_PER_DEVICE + 2}`);
  });

  it('is listed only in its fleet', async () => {
    const elsewhere = store.newDevice();
    await record(await command('succeeded', { address: elsewhere }), { outcome: 'ineffective' }, elsewhere);
    expect(await suspects()).toEqual([]);
  });
});

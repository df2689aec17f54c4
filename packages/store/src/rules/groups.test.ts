import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { DeviceQueue } from '../../test/device-queue.js';
import { enqueueCommand } from '../commands/enqueue-command.js';
import { commandJson, listCommands } from '../commands/read-commands.js';
import { claimCommands } from '../delivery/claim-commands.js';
import { DeviceAddress } from '../devices/device-address.js';
import { groupKey, MAX_OPEN_COMMANDS, shardOf, timersKey } from '../keys.js';
import {
  decideGroup,
  devicesInScope,
  forgetGroup,
  type GroupCommands,
  type GroupDecision,
  readGroups,
} from './groups.js';

let store: StoreUnderTest;
let fleet: string;
beforeAll(async () => {
  store = await startStore({ fast: true });
});
beforeEach(() => {
  fleet = store.newFleet();
});

const RULE = 'stadium';
const ON = { led_on: true };
const decision = (changes: Partial<GroupDecision> = {}): GroupDecision => ({
  fleet,
  rule: RULE,
  version: '',
  state: '{"since":1}',
  timer: undefined,
  forget: [],
  ...changes,
});
const commands = (targets: readonly string[], changes: Partial<GroupCommands> = {}): GroupCommands => ({
  targets,
  lane: 'led_on',
  policy: 'latest',
  ttl: 60_000,
  json: commandJson({ source: 'rule', rule: RULE, because: { tally: { yes: 3 } } }, ON),
  cause: `rule:${RULE}`,
  ...changes,
});
const decide = (changes: Partial<GroupDecision> = {}) => decideGroup(store.redis, decision(changes));
const read = async () => (await readGroups(store.redis, [{ fleet, rule: RULE }])).groups[0]!;
const cast = (votes: Record<string, string>) => store.redis.hset(groupKey(fleet, RULE), votes);
const commandsOf = (device: string) => listCommands(store.redis, fleet, device, { limit: 10 });

describe('a quorum', () => {
  it('without votes is empty, and is read with the time of Redis', async () => {
    const { now, groups } = await readGroups(store.redis, [{ fleet, rule: RULE }]);
    expect(groups).toEqual([{ fleet, rule: RULE, version: '', state: '', votes: [], timer: undefined }]);
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  });

  it('is read with its votes; malformed ones are skipped', async () => {
    await cast({ 'v:a': '1000,1,7', 'v:b': '2000,-12.5,7', 'v:c': 'garbage', other: '1,1,1' });
    const { votes } = await read();
    expect(votes.toSorted((a, b) => (a.device < b.device ? -1 : 1))).toEqual([
      { device: 'a', value: 1, receivedAt: 1000, since: 7, stored: '1000,1,7' },
      { device: 'b', value: -12.5, receivedAt: 2000, since: 7, stored: '2000,-12.5,7' },
    ]);
  });
});

describe('a decision', () => {
  it('is written with its state, its timer and a command for each target, known or not', async () => {
    await new DeviceQueue(store.redis, new DeviceAddress(fleet, 'b', false)).connect();
    const outcomes = await decide({ timer: 12_345, commands: commands(['a', 'b']) });
    expect(outcomes).toMatchObject([
      { device: 'a', shard: shardOf(fleet, 'a'), state: 'pending', superseded: [], unknown: [] },
      { device: 'b', state: 'pending' },
    ]);
    expect(await read()).toMatchObject({ version: '1', state: '{"since":1}', timer: 12_345 });
    const [command] = await commandsOf('a');
    expect(command).toMatchObject({
      ...{ id: outcomes![0]!.id, source: 'rule', rule: RULE, action: ON, state: 'pending' },
      because: { tally: { yes: 3 } },
    });
    const claims = await claimCommands(store.redis, [shardOf(fleet, 'b')], 10);
    expect(claims.map(({ command: { id } }) => id)).toContain(outcomes![1]!.id);
  });

  it('of two concurrent replicas is written once, and the other gets a conflict', async () => {
    await decide();
    const both = await Promise.all(
      ['x', 'y'].map((state) => decide({ version: '1', state, commands: commands(['a']) })),
    );
    expect(both.filter((outcomes) => outcomes === undefined)).toHaveLength(1);
    expect((await read()).version).toBe('2');
    expect(await commandsOf('a')).toHaveLength(1);
    const { state } = await read();
    expect(await decide({ version: '1', commands: commands(['a']) })).toBeUndefined();
    expect(await read()).toMatchObject({ version: '2', state });
  });

  it('without a new state keeps the version, and sets or removes the timer', async () => {
    await decide();
    await decide({ version: '1', state: '', timer: 5000 });
    expect(await read()).toMatchObject({ version: '1', state: '{"since":1}', timer: 5000 });
    await decide({ version: '1', state: '' });
    expect(await read()).toMatchObject({ version: '1', timer: undefined });
  });

  it('removes votes, except those that were cast again in the meantime', async () => {
    await cast({ 'v:a': '1000,1,7', 'v:b': '1000,1,7' });
    const { votes } = await read();
    await cast({ 'v:b': '9000,1,7' });
    await decide({ forget: votes });
    expect((await read()).votes).toMatchObject([{ device: 'b', receivedAt: 9000 }]);
  });

  it('supersedes pending commands in the lane of its targets', async () => {
    const [first] = (await decide({ commands: commands(['a']) }))!;
    const [second] = (await decide({ version: '1', commands: commands(['a']) }))!;
    expect(second!.superseded).toEqual([first!.id]);
  });

  it('skips targets with a full queue, and unreachable ones', async () => {
    for (let i = 0; i < MAX_OPEN_COMMANDS; i += 1)
      await enqueueCommand(store.redis, {
        fleet,
        device: 'a',
        lane: 'x',
        policy: 'ordered',
        ttl: 60_000,
        action: ON,
      });
    const full = await decide({ commands: commands(['a', 'b'], { policy: 'ordered' }) });
    expect(full!.map(({ state }) => state)).toEqual(['full', 'pending']);
    const away = await decide({ version: '1', commands: commands(['b'], { policy: 'now' }) });
    expect(away!.map(({ state }) => state)).toEqual(['unreachable']);
  });

  it('for a thousand targets takes one call', async () => {
    const targets = Array.from({ length: 1000 }, (_, i) => `lamp-${i}`);
    const outcomes = await decide({ commands: commands(targets) });
    expect(outcomes!.filter(({ state }) => state === 'pending')).toHaveLength(1000);
    expect(await commandsOf('lamp-999')).toHaveLength(1);
  });
});

it('forgetGroup removes all data of a quorum', async () => {
  await cast({ 'v:a': '1000,1,7' });
  await decide({ timer: 5000 });
  await forgetGroup(store.redis, { fleet, rule: RULE });
  expect(await store.redis.exists(groupKey(fleet, RULE))).toBe(0);
  expect(await store.redis.zscore(timersKey(shardOf(fleet, RULE)), `group/${fleet}/${RULE}`)).toBeNull();
});

it('devicesInScope returns the names of a scope, and the known devices of its prefixes, by name', async () => {
  await decide({ commands: commands(['arm-1', 'lamp-1', 'lamp-2', 'lamp-20', 'lamq']) });
  const found = (scope: '*' | string[], limit = 100) => devicesInScope(store.redis, fleet, scope, limit);
  expect(await found('*')).toEqual(['arm-1', 'lamp-1', 'lamp-2', 'lamp-20', 'lamq']);
  expect(await found(['lamp-*'])).toEqual(['lamp-1', 'lamp-2', 'lamp-20']);
  expect(await found(['lamp-2*', 'new', 'lamp-1'])).toEqual(['lamp-1', 'lamp-2', 'lamp-20', 'new']);
  expect(await found('*', 2)).toEqual(['arm-1', 'lamp-1']);
});

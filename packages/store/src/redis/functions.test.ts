import { readdirSync, readFileSync } from 'node:fs';
import { DEFAULT_ATTEMPTS } from '@lamplighter/contracts/commands/command';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { emitted, Replica, reading } from '@lamplighter/test-kit/store/replica';
import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { timePasses } from '@lamplighter/test-kit/store/time-passes';
import type { Redis } from 'ioredis';
import { confined, type FunctionCall } from '../../test/confined.js';
import { DeviceQueue } from '../../test/device-queue.js';
import { expectConsistentQueue } from '../../test/expect-consistent-queue.js';
import { claimRollout, runTurns, startRollout, storeReadings } from '../../test/rollout-setup.js';
import { revokeApiKey } from '../access/api-keys.js';
import { enrolDevices, NamesTaken, revokeAccount, setAccountState } from '../accounts/device-accounts.js';
import { repairClockStep } from '../clock/clock-step.js';
import { recordInvalidAcknowledgements } from '../commands/invalid-acknowledgements.js';
import { commandJson } from '../commands/read-commands.js';
import { acknowledgeCommands } from '../delivery/acknowledge-commands.js';
import { findDueShards } from '../delivery/claim-commands.js';
import { recordPresence } from '../devices/presence.js';
import { claimStates } from '../devices/published-states.js';
import { claimUnjudgedDevices, recordJudgements, reportDecisions } from '../edge/edge.js';
import { confirmEdgeRules } from '../edge/edge-settings.js';
import { claimEffects, recordEffect } from '../effects/effects.js';
import { countRejected, readLedger } from '../fleets/ledger.js';
import {
  COMMANDS_KEPT_PER_DEVICE,
  groupKey,
  LEASE_MS,
  MAX_OPEN_COMMANDS,
  shardOf,
  WINDOW_SIZE,
} from '../keys.js';
import { OpenCommandCounter } from '../open-commands/open-commands.js';
import { claimCleanups, claimExpiredDevices, removeDevices, removeVotes } from '../removal/remove-devices.js';
import { claimFleetRemovals, startFleetRemoval } from '../removal/remove-fleet.js';
import { sweepRollout } from '../rollouts/rollout-commands.js';
import { closeRollout } from '../rollouts/rollout-lease.js';
import { cancelRollout, countRollout } from '../rollouts/rollouts.js';
import { decideGroup } from '../rules/groups.js';
import { recordRuleErrors } from '../rules/rule-errors.js';
import { deleteRule, seedRules, switchRules, writeRule } from '../rules/rules.js';
import { NEW_DEVICE } from '../rules/state-version.js';
import { claimTimers } from '../rules/timers.js';

const FOLDER = new URL('../../lua/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8');
const isFunction = (file: string) => /-(\d+|n)[.]lua$/.test(file);
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.lua'),
);
const sharedFiles = files.filter((file) => file.startsWith('lib/'));
const functions = files.filter(isFunction).map((file) => {
  const [, name, count] = /(\w+)-(\d+|n)[.]lua$/.exec(file) ?? [];
  const header = read(file)
    .split(/^[^-]|^$/m)[0]!
    .replaceAll(/^-- ?/gm, '');
  return { file, name, count, header };
});

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore({ fast: true });
});

describe.each(functions)('$file', ({ name, count, header }) => {
  /** The text of the header under a heading, up to the next one. */
  const section = (heading: string) =>
    new RegExp(`^${heading} +([^]*?)(?=^[A-Z]\\w+ {2,}|$(?![^]))`, 'm').exec(header)?.[1] ?? '';

  it('has the number of its keys in its name', () => {
    expect(name).toMatch(/^[a-z]+[A-Z]\w+$/);
    const numbers = [...section('KEYS').matchAll(/(?:^|\s)(?:\d+\.\.)?(\d+) (?=[a-z])/g)].map(([, number]) =>
      Number(number),
    );
    if (count !== 'n') expect(Math.max(...numbers)).toBe(Number(count));
  });

  it('has a header with purpose, keys, arguments, reply and clock', () => {
    expect(header).toMatch(/^[A-Z].*[.]/);
    for (const heading of ['KEYS', 'ARGV', 'Returns', 'Clock'])
      expect([heading, section(heading)]).toEqual([heading, expect.stringMatching(/\S/)]);
  });

  it('does not build keys', () => {
    // Each key is one of the keys, or a variable that holds one; it is never concatenated.
    const file = functions.find((each) => each.name === name)!.file;
    for (const text of [file, ...sharedFiles].map(read)) {
      for (const [call, key] of text.matchAll(/\bcall\('(?!TIME|PUBLISH)\w+',\s*((?:[^,()]|\([^()]*\))*)/g)) {
        expect([call, key]).toEqual([
          call,
          expect.stringMatching(
            /^(keys\[[\w .-]+\]|K\.\w+|((p|self)\.)?(device_key|key|window)|group|timers|presence|devices|fleets|releases|effects|index|unpack\(keys\))$/,
          ),
        ]);
      }
    }
  });
});

describe('functions access only the keys that they declare', () => {
  let redis: Redis;
  let calls: FunctionCall[];
  beforeAll(async () => {
    ({ redis, calls } = await confined(store.redis, store.server.url));
  });
  beforeEach(async () => {
    await store.redis.flushall();
  });

  it('which these tests enforce with an access list', async () => {
    const touch = async (text: string) => {
      const library = `#!lua name=test\nredis.register_function('test_touch', function(keys) ${text} end)`;
      await store.redis.call('FUNCTION', 'LOAD', 'REPLACE', library);
      return redis.fcall('test_touch', 1, 'mine');
    };
    expect(await touch("return redis.call('SET', keys[1], 1)")).toBe('OK');
    await expect(touch("return redis.call('SET', keys[1] .. '2', 1)")).rejects.toThrow(
      /can't access at least one of the keys/,
    );
    await expect(touch("return redis.call('GET', 'other')")).rejects.toThrow(
      /can't access at least one of the keys/,
    );
  });

  it('when they accept readings', async () => {
    const lamp = store.newDevice();
    const neighbour = store.newDevice();
    const rules = new Replica(redis);
    const seqs = (...numbers: number[]) => numbers.map((_seq) => reading({ light: 1, _seq }));
    await rules.accept(lamp, seqs(5), { commands: [emitted(lamp)], rules: () => '{"n":1}' });
    expect(await rules.accept(lamp, seqs(3, 6), { commands: [emitted(lamp)] })).toMatchObject({
      late: { stored: 1 },
    });
    expect(await rules.accept(lamp, seqs(7), { commands: [emitted(lamp), emitted(lamp)] })).toMatchObject({
      commands: [{ superseded: [expect.anything()] }, { superseded: [expect.anything()] }],
    });
    const repeated = rules.evaluate(lamp, seqs(8));
    const both = [repeated, { ...rules.evaluate(neighbour, []), version: NEW_DEVICE, live: seqs(1) }];
    await rules.send(...both);
    expect((await rules.send(...both)).map(({ kind }) => kind)).toEqual(['repeated', 'repeated']);
    const full = Array.from({ length: WINDOW_SIZE + 50 }, (_, i) => 100 + i);
    await rules.accept(lamp, seqs(...full));
    await rules.accept(lamp, seqs(120, 99));
    const lanes = Array.from({ length: MAX_OPEN_COMMANDS }, (_, i) => emitted(lamp, { lane: `lane-${i}` }));
    const { commands } = await rules.accept(lamp, seqs(1000), { commands: lanes });
    expect(commands.map(({ state }) => state)).toContain('full');
  });

  it('during the life of a command', async () => {
    const robot = store.newDevice();
    const queue = new DeviceQueue(redis, robot);
    const session = (online: boolean) =>
      recordPresence(redis, [
        {
          address: robot,
          message: online ? { online, session: 1, reports: 3_600_000 } : { online, session: 1 },
        },
      ]);
    expect(await session(true)).toEqual(['born']);
    expect(
      await queue.enqueue('now', { policy: 'now', idempotency: { key: 'k', request: 'r' } }),
    ).toMatchObject({ outcome: 'enqueued' });
    expect(
      await queue.enqueue('now', { policy: 'now', idempotency: { key: 'k', request: 'r' } }),
    ).toMatchObject({ outcome: 'repeated' });
    for (const name of ['on', 'off', 'half'])
      await queue.enqueue(name, { policy: 'latest', lane: 'heating' });
    await queue.enqueue('short', { ttl: 0, lane: 'other' });
    expect(await findDueShards(redis)).toMatchObject({ shards: [robot.shard] });
    expect(await new OpenCommandCounter().read(redis)).toMatchObject({ due: 0, waiting: 3 });
    const repaired = await repairClockStep(redis, { minWaitMs: 5000, wasSeen: true });
    expect(repaired).toEqual({ commands: 0, devices: 0, rollouts: 0, timers: 0, effects: 0 });
    expect((await queue.claim()).sort()).toEqual([
      'half dispatched 1',
      'now dispatched 1',
      'short expired 0',
    ]);
    await queue.requeue('half', 1);
    expect(await queue.wake()).toBe(1);
    await queue.enqueue('next');
    expect(await queue.acknowledge('now', 'acknowledged')).toBe('acknowledged');
    expect(await queue.acknowledge('now', 'succeeded', { details: { result: 1 } })).toBe('succeeded');
    expect(await queue.acknowledge('now', 'failed')).toBe('late');
    expect(await queue.cancel('next')).toBe('cancelled');
    for (let attempt = 1; attempt <= DEFAULT_ATTEMPTS + 1; attempt += 1) {
      await queue.claim();
      await timePasses(store.redis, LEASE_MS * 2 ** attempt, robot);
    }
    expect(await queue.acknowledge('half', 'succeeded', { details: { result: 1 } })).toBe('late');
    for (const [onFailure, lane] of [
      ['stop', 'crane'],
      ['abort-rest', 'belt'],
    ] as const) {
      for (const name of [`first of ${lane}`, `rest of ${lane}`])
        await queue.enqueue(name, { lane, onFailure, rollout: 'R1' });
      await queue.claim();
      expect(await queue.acknowledge(`first of ${lane}`, 'failed')).toBe('failed');
    }
    expect(await queue.resume('crane')).toBe('first of crane');
    await queue.claim();
    expect(await queue.giveUp('rest of crane')).toBe('unknown');
    for (let i = 0; i < COMMANDS_KEPT_PER_DEVICE + 5; i += 1) {
      await queue.enqueue(`c${i}`);
      await queue.cancel(`c${i}`);
    }
    expect(await readLedger(redis, robot.fleet)).toMatchObject({ commands: { unexplained: 0 } });
    await countRejected(redis, [{ address: robot, own: 1, reasons: new Map([['clock', 1]]) }]);
    expect(await session(false)).toEqual(['gone']);
    expect(await queue.enqueue('now or never', { policy: 'now' })).toEqual({ outcome: 'unreachable' });
    await expectConsistentQueue(store.redis);
  });

  it('for a rollout', async () => {
    const fleet = store.newFleet();
    await storeReadings(redis, fleet, ['a', 'b']);
    const held = await startRollout(redis, fleet, { selector: { devices: ['a', 'b', 'unknown'] } });
    const turns = (await runTurns(redis, held)).map(({ device, outcome }) => `${device} ${outcome}`);
    expect(turns.toSorted()).toEqual(['a enqueued', 'b enqueued', 'unknown unknown_device']);
    await cancelRollout(redis, held.id);
    const sweeper = await claimRollout(redis, held.id);
    for (const device of ['a', 'b']) await sweepRollout(redis, sweeper, shardOf(fleet, device), '');
    const counts = await countRollout(redis, held.id);
    expect(counts).toMatchObject({ enqueued: 2, outcomes: { cancelled: 2 } });
    await closeRollout(redis, sweeper, counts);
  });

  it('for timers and votes', async () => {
    const sensor = store.newDevice();
    const rules = new Replica(redis);
    const seqs = (n: number) => [reading({ light: n, _seq: n })];
    const timer = (at: number | undefined) => ({ timer: { at, exact: true } });
    const votes = [{ groupKey: groupKey(sensor.fleet, 'quorum'), vote: '1,1' }];
    await rules.accept(sensor, seqs(1));
    await rules.send({ ...rules.evaluate(sensor, seqs(2)), votes, ...timer(1) });
    expect(await claimTimers(redis)).toContainEqual({
      kind: 'device',
      fleet: sensor.fleet,
      name: sensor.device,
    });
    await rules.send({ ...rules.evaluate(sensor, seqs(3)), ...timer(undefined) });
  });

  it('for effects', async () => {
    const lamp = store.newDevice();
    const expected = { expect: 'light > 1', withinMs: 1000 };
    for (const outcome of ['pending', 'effective', 'ineffective', 'unmeasured'] as const) {
      const json = commandJson({ source: 'rule', rule: 'r', expected }, { led_on: true });
      const command = emitted(lamp, { json });
      await new Replica(redis).accept(lamp, [reading({ light: 1 })], { commands: [command] });
      const { id } = command;
      await acknowledgeCommands(redis, [
        { device: lamp.name, acknowledgement: { id, status: 'succeeded' }, cause: 'device' },
      ]);
      await timePasses(store.redis, 1000, lamp);
      const { now, checks } = await claimEffects(redis, 10);
      expect(checks).toEqual([{ fleet: lamp.fleet, device: lamp.device, id }]);
      const finding = { rule: 'r', outcome, evidence: {}, nextAt: now + 60_000 };
      expect(await recordEffect(redis, checks[0]!, finding)).toBe(true);
    }
  });

  it('for rules and quorums', async () => {
    const lamp = store.newDevice();
    const { fleet } = lamp;
    await storeReadings(redis, fleet, [lamp.device]);
    const rule = ruleSchema.parse({ id: 'dark', when: 'light < 300', then: { led_on: true } });
    expect(await seedRules(redis, fleet, [rule])).toBe(true);
    expect(await writeRule(redis, fleet, { ...rule, when: 'light < 200' }, 1)).toMatchObject({
      outcome: 'written',
    });
    await recordRuleErrors(redis, [
      { fleet, errors: new Map([['dark', { version: 2, count: 1, at: 1, message: 'oh' }]]) },
    ]);
    const command = emitted(lamp);
    const outcomes = await decideGroup(redis, {
      fleet,
      rule: 'dark',
      version: '',
      state: '{}',
      timer: 5,
      forget: [{ device: lamp.device, value: 1, receivedAt: 1, since: 1, stored: '1,1,1' }],
      commands: { ...command, targets: [lamp.device, 'unknown-yet'] },
    });
    expect(outcomes?.map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(await switchRules(redis, fleet, false, { release: true })).toBe(true);
    expect(await switchRules(redis, fleet, true)).toBe(true);
    expect(await deleteRule(redis, fleet, 'dark', 2)).toMatchObject({ outcome: 'deleted' });
  });

  it('when they publish the last state', async () => {
    const lamp = store.newDevice();
    await new Replica(redis).accept(lamp, [reading({ light: 1 })]);
    expect(await claimStates(redis, [lamp], 0)).toMatchObject([{ kind: 'state' }]);
  });

  it('for an invalid acknowledgement', async () => {
    const robot = store.newDevice();
    const queue = new DeviceQueue(redis, robot);
    await storeReadings(redis, robot.fleet, [robot.device]);
    await queue.enqueue('sent');
    await queue.claim();
    const report = { fleet: robot.fleet, device: robot.device, problem: 'no status', payload: '{}' };
    expect(await recordInvalidAcknowledgements(redis, [report])).toEqual([expect.any(String)]);
  });

  it('for edge decisions', async () => {
    const lamp = store.newDevice();
    const decision = {
      id: 1,
      rule: 'r',
      version: 1,
      raise: true,
      reason: 'change',
      now: 1,
      trigger: 'timer',
    } as const;
    await reportDecisions(redis, lamp, { decisions: [decision], dropped: 1 }, 0);
    expect((await claimUnjudgedDevices(redis, 10)).devices).toContainEqual({
      fleet: lamp.fleet,
      device: lamp.device,
    });
    const judgement = { judgement: 'agrees', at: 1, sentences: [] } as const;
    expect(await recordJudgements(redis, lamp, [[1, judgement]], 0)).toEqual([judgement]);
    await confirmEdgeRules(redis, [{ fleet: lamp.fleet, device: lamp.device, confirmed: 'r@1', seq: 1 }]);
  });

  it('for accounts of devices', async () => {
    const { fleet, device } = store.newDevice();
    expect(await enrolDevices(redis, fleet, [device])).toMatchObject([{ device }]);
    await expect(enrolDevices(redis, fleet, [device])).rejects.toThrow(NamesTaken);
    expect(await setAccountState(redis, fleet, device, 'disabled')).toMatchObject({ state: 'disabled' });
    expect(await revokeAccount(redis, fleet, device)).toBe(true);
  });

  it('for removals', async () => {
    const robot = store.newDevice();
    const { fleet, device } = robot;
    const queue = new DeviceQueue(redis, robot);
    await recordPresence(redis, [
      { address: robot, message: { online: true, session: 1, forgetAfter: 1000 } },
      { address: robot, message: { online: false, session: 1 } },
    ]);
    await new Replica(redis).accept(robot, [reading({ light: 1, _n: 3, _seq: 3, _dropped: 1 })]);
    await queue.enqueue('dispatched');
    await queue.claim();
    await queue.enqueue('pending');
    await timePasses(store.redis, 60_000, robot);
    expect(await claimExpiredDevices(redis, 10)).toEqual([{ fleet, device }]);
    expect(await removeDevices(redis, [{ fleet, device }], { onlyIfAway: true })).toMatchObject([
      { outcome: 'removed' },
    ]);
    expect(await removeDevices(redis, [{ fleet, device }])).toEqual([{ outcome: 'missing' }]);
    const cleanups = await claimCleanups(redis, 10);
    await removeVotes(redis, fleet, ['quorum'], cleanups);
    expect(await revokeApiKey(redis, 'none')).toBe('missing');
    await startFleetRemoval(redis, fleet);
    expect(await claimFleetRemovals(redis, 1)).toEqual([fleet]);
  });

  it('have the number that the name states, for every function', () => {
    const called = calls.flatMap(({ name, keys }) =>
      functions.filter((each) => each.name === name).map(({ file }) => ({ file, keys })),
    );
    expect(new Set(called.map(({ file }) => file))).toEqual(new Set(functions.map(({ file }) => file)));
    for (const { file, keys } of called) {
      const [, count] = /-(\w+)[.]lua$/.exec(file)!;
      if (count !== 'n') expect([file, keys.length]).toEqual([file, Number(count)]);
    }
  });

  it('are in one shard, in every call about one device', () => {
    for (const { keys } of calls.filter(({ name }) =>
      functions.some((each) => each.name === name && each.count !== 'n' && each.count !== '64'),
    ))
      expect(new Set(keys.map((key) => /^\{\d+\}/.exec(key)?.[0])).size).toBe(1);
  });
});

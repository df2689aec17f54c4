// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { listCommands } from '@lamplighter/store/commands/read-commands';
import { groupKey, rulesKey, shardOf, timersKey } from '@lamplighter/store/keys';
import { connectRedis, type Redis, redisNow } from '@lamplighter/store/redis/connect';
import { readGroups } from '@lamplighter/store/rules/groups';
import { deleteRule, switchRules, writeRule } from '@lamplighter/store/rules/rules';
import { claimTimers } from '@lamplighter/store/rules/timers';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { GroupStates } from '../cache/group-states.js';
import type { DispatchService } from '../commands/dispatch.service.js';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook } from '../rule-book/rule-book.service.js';
import { RuleErrors } from '../rule-book/rule-errors.service.js';
import { RulesErrors } from '../rules-errors.js';
import { GroupsService } from './groups.service.js';
import type { ListeningService } from './listening.service.js';
import { ListeningClock } from './listening-clock.js';

let redis: Redis;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});

let fleets = 0;
let fleet: string;
beforeEach(() => {
  fleet = `fleet-${++fleets}`;
});
// At startup a replica loads all fleets with quorums, including those of other tests.
afterEach(() => redis.del(rulesKey(fleet)));

const ON = { led_on: true };
const OFF = { led_on: false };
const SENSORS = ['a', 'b', 'c', 'd', 'e'];
const RULE = 'stadium';

/** Writes the quorum rule of the test and returns its `since`. */
async function writeGroupRule(changes: Partial<RuleInput> = {}): Promise<number> {
  const rule = ruleSchema.parse({
    id: RULE,
    scope: { devices: SENSORS },
    when: 'light < 300',
    quorum: { policy: 'majority' },
    target: { devices: ['north', 'south'] },
    then: ON,
    else: OFF,
    ...changes,
  });
  const written = await writeRule(redis, fleet, rule, 'absent');
  if (written.outcome !== 'written') throw new Error(written.outcome);
  return written.stored.since;
}

/** The part of a replica that decides quorums. */
async function startReplica() {
  const metrics = new RulesMetrics('rules', 'test');
  const logger = createLogger('rules', 'silent');
  const unexpected = new RulesErrors(logger, metrics);
  const errors = new RuleErrors(redis, metrics, unexpected);
  const book = new RuleBook(redis, logger, [], metrics, unexpected, errors);
  const woken: number[] = [];
  const groupStates = new GroupStates(redis);
  const clock = new ListeningClock();
  const listening = {
    get listeningMs() {
      return clock.listeningMs;
    },
    markInterrupted: () => clock.check(true),
  };
  const groups = new GroupsService(
    redis,
    logger,
    listening as unknown as ListeningService,
    book,
    { wake: (shards: Iterable<number>) => woken.push(...shards) } as unknown as DispatchService,
    errors,
    new RulesCommandRecorder(logger, metrics, { append: () => undefined } as unknown as LiveEventsService),
    metrics,
    unexpected,
    groupStates,
  );
  groups.onApplicationBootstrap();
  book.onApplicationBootstrap();
  closeLater('replica', async () => {
    book.onApplicationShutdown();
    errors.onApplicationShutdown();
    await groups.onApplicationShutdown();
  });
  await book.ready([fleet]);
  return {
    groups,
    groupStates,
    woken,
    counted: async (name: string) => {
      const { values } = await metrics.registry.getSingleMetric(`lamplighter_${name}`)!.get();
      return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join(), value]));
    },
  };
}

/** Stores votes of sensors, received some time ago, as the accepting function does. */
async function castVotes(since: number, votes: Record<string, boolean | number>, ageMs = 0): Promise<void> {
  const at = (await redisNow(redis)) - ageMs;
  const fields = Object.entries(votes).flatMap(([device, vote]) => [
    `v:${device}`,
    `${at},${Number(vote)},${since}`,
  ]);
  await redis.hset(groupKey(fleet, RULE), ...fields);
}
const all = (vote: boolean | number) => Object.fromEntries(SENSORS.map((device) => [device, vote]));
const actions = async (device: string) =>
  (await listCommands(redis, fleet, device, { limit: 20 })).map(({ action }) => action).reverse();
const commanded = (device: string, count: number) =>
  until(async () => (await actions(device)).length >= count && actions(device), {
    what: `${count} commands for ${device}`,
  });
const group = async () => (await readGroups(redis, [{ fleet, rule: RULE }])).groups[0]!;
/** Waits until the group state has a version. */
const decided = (version: string) =>
  until(async () => (await group()).version === version && group(), { what: `decision ${version}` });

describe('GroupsService', () => {
  it('commands every target, with evidence, and wakes the dispatcher', async () => {
    const since = await writeGroupRule();
    const { groups, woken } = await startReplica();
    await castVotes(since, { a: true, b: true, c: true, d: false });
    groups.markVoted(fleet, RULE);
    expect(await commanded('north', 1)).toEqual([ON]);
    const [command] = await listCommands(redis, fleet, 'south', { limit: 1 });
    expect(command).toMatchObject({
      source: 'rule',
      rule: RULE,
      because: {
        version: 1,
        tally: {
          ...{ policy: 'majority', outcome: 'decided', verdict: true, expected: 5, needs: 3 },
          ...{ fresh: 4, stale: 0, missing: 1, yes: 3, no: 1 },
          votes: { a: [1, expect.any(Number)], d: [0, expect.any(Number)] },
        },
      },
    });
    await until(() => woken.length >= 2, { what: 'the dispatcher to be woken' });
    expect(woken).toEqual(expect.arrayContaining([shardOf(fleet, 'north'), shardOf(fleet, 'south')]));
  });

  it('caches its own decisions, and other replicas read them', async () => {
    const name = { fleet, rule: RULE };
    const since = await writeGroupRule();
    const { groups, groupStates } = await startReplica();
    const other = new GroupStates(redis);
    await other.read([name]);
    expect([groupStates.of(name)?.rule, other.of(name)?.rule]).toEqual([undefined, undefined]);
    await castVotes(since, all(true));
    groups.markVoted(fleet, RULE);
    await until(() => groupStates.of(name)?.toldAt !== undefined, { what: 'the decision to be cached' });
    await other.read([name]);
    expect(other.of(name)).toMatchObject({ since, rule: { raised: true }, toldAt: expect.any(Number) });
    expect(other.of(name)).toEqual(groupStates.of(name));
  });

  it('decides once, even if several replicas evaluate the same votes', async () => {
    const since = await writeGroupRule();
    const replicas = await Promise.all([startReplica(), startReplica(), startReplica()]);
    await decided('1');
    for (const vote of [true, false, true, false]) {
      const before = (await actions('north')).length;
      await castVotes(since, all(vote));
      for (const { groups } of replicas) groups.markVoted(fleet, RULE);
      await commanded('north', before + 1);
    }
    // After one more round of each replica nothing can be left to decide.
    const decisions = async () => {
      const counts = await Promise.all(replicas.map(({ counted }) => counted('quorum_decisions_total')));
      return counts.map((count) => count.decided ?? 0);
    };
    const before = await decisions();
    for (const { groups } of replicas) groups.markVoted(fleet, RULE);
    await until(async () => (await decisions()).every((count, i) => count > before[i]!), {
      what: 'a last round',
    });
    expect(await actions('north')).toEqual([ON, OFF, ON, OFF]);
    expect(await actions('south')).toEqual([ON, OFF, ON, OFF]);
  });

  it('decides at most every 100 ms, regardless of the number of readings', async () => {
    const since = await writeGroupRule();
    const { groups, counted } = await startReplica();
    await decided('1');
    const count = async () => {
      const outcomes = await counted('quorum_decisions_total');
      return Object.values(outcomes).reduce((sum, value) => sum + value, 0);
    };
    const [before, startedAt] = [await count(), performance.now()];
    for (let i = 0; performance.now() - startedAt < 500; i += 1) {
      await castVotes(since, { [SENSORS[i % 5]!]: true });
      for (let reading = 0; reading < 100; reading += 1) groups.markVoted(fleet, RULE);
    }
    const decisions = (await count()) - before;
    expect(decisions).toBeLessThanOrEqual((performance.now() - startedAt) / 100 + 2);
    expect(await commanded('north', 1)).toEqual([ON]);
  });

  it('decides by timer when sensors fall silent, and clears the timer at the end', async () => {
    const since = await writeGroupRule({ maxAge: '300ms', quorum: { policy: 'majority', lost: 'release' } });
    const { groups } = await startReplica();
    const raised = async () => {
      // Repeated, because on a slow machine the first votes may be stale before they are counted.
      await castVotes(since, all(true));
      groups.markVoted(fleet, RULE);
      return (await actions('north')).length > 0;
    };
    await until(raised, { what: 'the quorum to command' });
    const fire = async () => {
      for (const timer of await claimTimers(redis))
        if (timer.fleet === fleet) groups.markDue(fleet, timer.name);
      return (await actions('north')).length >= 2;
    };
    await until(fire, { what: 'the quorum to be released' });
    expect(await actions('north')).toEqual([ON, OFF]);
    expect(await redis.zscore(timersKey(shardOf(fleet, RULE)), `group/${fleet}/${RULE}`)).toBeNull();
  });

  it('keeps its verdict when the service was down', async () => {
    const since = await writeGroupRule({ quorum: { policy: 'majority', lost: 'release' } });
    const first = await startReplica();
    await castVotes(since, all(true));
    first.groups.markVoted(fleet, RULE);
    await commanded('north', 1);
    await first.groups.onApplicationShutdown();
    await castVotes(since, all(true), 3_600_000);
    const { groups, counted } = await startReplica();
    groups.markDue(fleet, RULE);
    await until(async () => (await counted('quorum_decisions_total')).gathering === 1, {
      what: 'a decision',
    });
    await castVotes(since, all(true));
    groups.markVoted(fleet, RULE);
    await until(async () => (await counted('quorum_decisions_total')).decided === 1, { what: 'a decision' });
    expect(await actions('north')).toEqual([ON]);
  });

  it('commands the devices that match a prefix at the time of the decision', async () => {
    const since = await writeGroupRule({ target: { devices: ['lamp-*'] } });
    await redis.zadd(`{${shardOf(fleet, 'lamp-7')}}:devices:${fleet}`, 0, 'lamp-7');
    const { groups } = await startReplica();
    await castVotes(since, all(true));
    groups.markVoted(fleet, RULE);
    expect(await commanded('lamp-7', 1)).toEqual([ON]);
    expect(await actions('a')).toEqual([]);
  });

  it('deletes votes that can never count again', async () => {
    const since = await writeGroupRule();
    await castVotes(since - 1, { old: true });
    await castVotes(since, { gone: true }, 2 * 86_400_000);
    const { groups } = await startReplica();
    await castVotes(since, { a: true });
    groups.markVoted(fleet, RULE);
    await until(async () => (await group()).votes.length === 1, { what: 'old votes to be deleted' });
    expect((await group()).votes).toMatchObject([{ device: 'a' }]);
  });

  it('deletes the group with its rule', async () => {
    const since = await writeGroupRule();
    const { groups } = await startReplica();
    await castVotes(since, { a: true });
    groups.markVoted(fleet, RULE);
    await until(async () => (await group()).timer !== undefined, { what: 'the timer' });
    await deleteRule(redis, fleet, RULE, 1);
    const isGone = async () => {
      groups.markDue(fleet, RULE);
      return (await redis.exists(groupKey(fleet, RULE))) === 0;
    };
    await until(isGone, { what: 'the group to be deleted' });
    expect((await group()).timer).toBeUndefined();
  });

  describe('with a run', () => {
    const RUN: Partial<RuleInput> = { run: { seconds: '2', max: '20s' } };
    const rule = (changes: Partial<RuleInput>) =>
      ruleSchema.parse({ id: RULE, when: 'light < 300', then: ON, else: OFF, ...changes });
    /** Starts a run with version 1. */
    async function startRun() {
      const since = await writeGroupRule(RUN);
      const { groups } = await startReplica();
      await castVotes(since, all(true));
      groups.markVoted(fleet, RULE);
      await commanded('north', 1);
      expect(JSON.parse((await group()).state).rule.ends).toMatchObject({
        ...{ version: 1, action: OFF, targets: ['north', 'south'] },
      });
      return groups;
    }
    const replace = (changes: Partial<RuleInput>, options = {}) =>
      writeRule(redis, fleet, rule(changes), 1, options);
    const quorum = { quorum: { policy: 'majority' } } as const;

    it.each<[change: string, make: () => Promise<unknown>]>([
      ['deleted', () => deleteRule(redis, fleet, RULE, 1)],
      ['disabled', () => replace({ ...quorum, ...RUN, enabled: false })],
      ['replaced by one without a run', () => replace({ ...quorum })],
      ['given other targets', () => replace({ ...quorum, ...RUN, target: { devices: ['north'] } })],
      ['no longer a quorum', () => replace({})],
      ['switched off with its fleet', () => switchRules(redis, fleet, false)],
    ])(
      'ends the run of all commanded targets, at its promised time, when the rule is %s',
      async (_change, make) => {
        const groups = await startRun();
        const { rule: state } = JSON.parse((await group()).state) as { rule: { runUntil: number } };
        await make();
        await until(
          async () => {
            if ((await redisNow(redis)) >= state.runUntil) groups.markDue(fleet, RULE);
            return (await actions('south')).length === 2;
          },
          { what: 'the end of the run' },
        );
        for (const device of ['north', 'south']) {
          expect(await actions(device)).toEqual([ON, OFF]);
          const [off] = await listCommands(redis, fleet, device, { limit: 1 });
          expect(off).toMatchObject({ because: { kind: 'end', by: 'promise', version: 1 } });
          expect(off!.createdAt).toBeGreaterThanOrEqual(state.runUntil);
        }
      },
    );

    it('ends the run immediately on a release', async () => {
      const groups = await startRun();
      await deleteRule(redis, fleet, RULE, 1, { release: true });
      await until(
        async () => {
          groups.markDue(fleet, RULE);
          return (await actions('south')).length === 2;
        },
        { what: 'the release' },
      );
      const [off] = await listCommands(redis, fleet, 'south', { limit: 1 });
      expect(off).toMatchObject({
        action: OFF,
        because: { kind: 'end', by: 'release', departure: 'deleted' },
      });
      await until(async () => (await redis.exists(groupKey(fleet, RULE))) === 0, {
        what: 'the group to be deleted',
      });
    });
  });

  it('releases a raised verdict for its previous targets', async () => {
    const since = await writeGroupRule();
    const { groups } = await startReplica();
    await castVotes(since, all(true));
    groups.markVoted(fleet, RULE);
    await commanded('north', 1);
    const document = ruleSchema.parse({
      ...{ id: RULE, scope: { devices: SENSORS }, when: 'light < 10', then: ON, else: OFF },
      ...{ quorum: { policy: 'majority' }, target: { devices: ['south'] } },
    });
    await writeRule(redis, fleet, document, 1, { release: true });
    expect(await commanded('north', 2)).toEqual([ON, OFF]);
    expect(await commanded('south', 2)).toEqual([ON, OFF]);
  });

  it('starts from scratch if the group state cannot be parsed', async () => {
    const since = await writeGroupRule();
    await redis.hset(groupKey(fleet, RULE), 'state', '{broken', 'version', '9');
    const { groups } = await startReplica();
    await castVotes(since, all(true));
    groups.markVoted(fleet, RULE);
    expect(await commanded('north', 1)).toEqual([ON]);
  });
});

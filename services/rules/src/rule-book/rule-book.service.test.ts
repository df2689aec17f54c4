// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { type Rule, type RuleInput, ruleSchema, type Seed } from '@lamplighter/evaluation/rule/rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { rulesKey } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { readRuleErrors } from '@lamplighter/store/rules/rule-errors';
import { deleteRule, listRules, writeRule } from '@lamplighter/store/rules/rules';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RuleBook } from './rule-book.service.js';
import { RuleErrors } from './rule-errors.service.js';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});

let fleets = 0;
const newFleet = () => `fleet-${++fleets}`;
const rule = (id = 'night-light', changes: Partial<RuleInput> = {}): Rule =>
  ruleSchema.parse({ id, when: 'light < 300', then: { led_on: true }, ...changes });
const SEED: Seed = { ...rule(), fleets: '*' };

/** The rule book of one replica. */
function openBook(seeds: readonly Seed[] = [SEED], readsFrom = redis) {
  const metrics = new RulesMetrics('rules', 'test');
  const logger = createLogger('rules', 'silent');
  const unexpected = new RulesErrors(logger, metrics);
  const errors = new RuleErrors(redis, metrics, unexpected);
  const book = new RuleBook(readsFrom, logger, seeds, metrics, unexpected, errors);
  book.onApplicationBootstrap();
  closeLater('rule book', () => {
    book.onApplicationShutdown();
    errors.onApplicationShutdown();
  });
  const idsOf = (fleet: string) => book.setOf(fleet)?.all.map(({ id }) => id);
  const gauge = async (name: string) =>
    (await metrics.registry.getSingleMetric(`lamplighter_${name}`)!.get()).values[0]?.value;
  return { book, idsOf, gauge };
}

/** Writes a rule that must have the expected version. */
async function write(fleet: string, document: Rule, expected: number | 'absent'): Promise<void> {
  expect(await writeRule(redis, fleet, document, expected)).toMatchObject({ outcome: 'written' });
}

describe('RuleBook', () => {
  it('gives a new fleet its seeds, once for all replicas', async () => {
    const fleet = newFleet();
    const [one, other] = [openBook(), openBook()];
    expect(one.book.setOf(fleet)).toBeUndefined();
    await Promise.all([one, one, other].map(({ book }) => book.ready([fleet, fleet])));
    expect([one.idsOf(fleet), other.idsOf(fleet)]).toEqual([['night-light'], ['night-light']]);
    expect((await listRules(redis, fleet, { limit: 9 })).rules).toMatchObject([
      { id: 'night-light', version: 1 },
    ]);
    expect(one.book.setOf(fleet)!.get('night-light')).toMatchObject({ version: 1, since: 1 });
    await deleteRule(redis, fleet, 'night-light', 1);
    const restarted = openBook();
    await restarted.book.ready([fleet]);
    expect(restarted.idsOf(fleet)).toEqual([]);
  });

  it('applies a written rule in every replica within a second', async () => {
    const fleet = newFleet();
    const replicas = [openBook(), openBook()];
    await Promise.all(replicas.map(({ book }) => book.ready([fleet])));
    const steps: [write: () => Promise<unknown>, ids: string[]][] = [
      [() => write(fleet, rule('second'), 'absent'), ['night-light', 'second']],
      [() => write(fleet, rule('second', { enabled: false }), 1), ['night-light']],
      [() => write(fleet, rule('second'), 2), ['night-light', 'second']],
      [() => deleteRule(redis, fleet, 'night-light', 1), ['second']],
    ];
    for (const [change, ids] of steps) {
      await change();
      for (const { idsOf } of replicas)
        await until(() => idsOf(fleet)?.join() === ids.join(), { what: ids.join(), timeoutMs: 1000 });
    }
  });

  it('loads a rule that is written while the fleet is loaded for the first time', async () => {
    const fleet = newFleet();
    await write(fleet, rule(), 'absent');
    // The first read is delayed until a newer rule is written.
    let hasRead = false;
    let polls = 0;
    let finishRead = () => {};
    const slow = Object.create(redis) as Redis;
    slow.hgetall = (key: string) => {
      polls += 1;
      return redis.hgetall(key);
    };
    const slowMulti = () => {
      const multi = redis.multi();
      const exec = multi.exec.bind(multi);
      multi.exec = async () => {
        const replies = await exec();
        hasRead = true;
        await new Promise<void>((resolve) => {
          finishRead = resolve;
        });
        return replies;
      };
      return multi;
    };
    Object.assign(slow, { multi: slowMulti });
    const { book } = openBook([SEED], slow);
    const loading = book.ready([fleet]);
    await until(() => hasRead, { what: 'the fleet to be read' });
    await write(fleet, rule('night-light', { when: 'light < 10' }), 1);
    const before = polls;
    await until(() => polls > before, { what: 'the poll to find the write' });
    await until(
      () => {
        finishRead();
        return book.setOf(fleet)?.get('night-light')?.version === 2;
      },
      { what: 'the new version', timeoutMs: 2000 },
    );
    await loading;
  });

  it('keeps the set of an unchanged fleet, and the compiled form of unchanged rules', async () => {
    const [fleet, other] = [newFleet(), newFleet()];
    const { book, idsOf } = openBook();
    await book.ready([fleet, other]);
    const [before, others] = [book.setOf(fleet), book.setOf(other)];
    await write(fleet, rule('second'), 'absent');
    await until(() => idsOf(fleet)?.length === 2, { what: 'the second rule' });
    expect(book.setOf(fleet)).not.toBe(before);
    expect(book.setOf(fleet)!.get('night-light')).toBe(before!.get('night-light'));
    expect(book.setOf(other)).toBe(others);
  });

  it('leaves out a rule that cannot be compiled, reports it, and applies it once it is fixed', async () => {
    const fleet = newFleet();
    const { book, idsOf, gauge } = openBook();
    await write(fleet, rule('fine'), 'absent');
    await write(fleet, rule('wrong', { when: 'light <' }), 'absent');
    await redis.hset(rulesKey(fleet), 'broken', 'what?');
    await book.ready([fleet]);
    expect(idsOf(fleet)).toEqual(['fine']);
    expect([await gauge('rules_loaded'), await gauge('rules_unusable')]).toEqual([1, 2]);
    await until(
      async () => {
        const errors = await readRuleErrors(redis, fleet, ['broken', 'wrong', 'fine']);
        expect([...errors]).toMatchObject([
          ['broken', { version: 0, message: expect.stringContaining('not a rule') }],
          ['wrong', { version: 1 }],
        ]);
        return true;
      },
      { what: 'the errors to be stored' },
    );
    await write(fleet, rule('broken'), 0);
    await write(fleet, rule('wrong'), 1);
    await until(() => idsOf(fleet)?.join() === 'broken,fine,wrong', { what: 'all rules' });
    expect(await gauge('rules_unusable')).toBe(0);
  });

  it('continues with other fleets when the key of one holds something else', async () => {
    const [fleet, other] = [newFleet(), newFleet()];
    await redis.set(rulesKey(fleet), 'what?');
    const { book, idsOf } = openBook();
    await book.ready([fleet, other]);
    expect([idsOf(fleet), idsOf(other)]).toEqual([[], ['night-light']]);
  });

  it('loads fleets with quorums at startup, before any message', async () => {
    const silent = Array.from({ length: 70 }, newFleet);
    const [broken, other] = [newFleet(), newFleet()];
    for (const fleet of silent)
      await write(fleet, rule('quorum', { quorum: { policy: 'majority' } }), 'absent');
    await write(other, rule(), 'absent');
    await write(broken, rule(), 'absent');
    await redis.set(rulesKey(broken), 'what?');
    const { book, idsOf } = openBook([]);
    const notified: string[] = [];
    book.onRead((fleet) => notified.push(fleet));
    await until(() => silent.every((fleet) => idsOf(fleet)?.length === 1), {
      what: 'all quorums to be loaded',
    });
    expect(notified.toSorted()).toEqual(expect.arrayContaining(silent.toSorted()));
    expect([idsOf(other), idsOf(broken)]).toEqual([undefined, undefined]);
  });

  it('has no rules for the canary fleet and writes none', async () => {
    const { book, idsOf } = openBook();
    await book.ready([CANARY_FLEET]);
    expect(idsOf(CANARY_FLEET)).toEqual([]);
    expect((await listRules(redis, CANARY_FLEET, { limit: 9 })).rules).toEqual([]);
  });

  it('yields to other work while it compiles a thousand rules', async () => {
    const fleet = newFleet();
    const texts = Array.from({ length: 1000 }, (_, i) => {
      const text = JSON.stringify(
        rule(`r${i}`, { when: `light < ${i} && window.avg("light", "10m") > ${i}` }),
      );
      return [`r${i}`, `{"version":1,"since":1,"at":1,"rule":${text}}`];
    });
    await redis.hset(rulesKey(fleet), ...texts.flat());
    await write(fleet, rule('r0'), 1);
    const { book } = openBook();
    let turns = 0;
    const ticker = setInterval(() => {
      turns += 1;
    }, 1);
    const before = process.cpuUsage();
    await book.ready([fleet]);
    clearInterval(ticker);
    const computedMs = process.cpuUsage(before).user / 1000;
    expect(book.setOf(fleet)!.size).toBe(1000);
    // Relative to CPU time, so that a busy machine does not matter.
    expect(turns).toBeGreaterThan(computedMs / 50);
  });
});

// Last, because it stops the shared Redis.
it('keeps the last known rules while Redis is unavailable, and loads others once it is back', async () => {
  const [fleet, later] = [newFleet(), newFleet()];
  const { book, idsOf } = openBook();
  await book.ready([fleet]);
  await server.kill();
  const waiting = book.ready([later]);
  await until(() => redis.status !== 'ready', { what: 'the connection to be lost' });
  expect(idsOf(fleet)).toEqual(['night-light']);
  expect(book.setOf(later)).toBeUndefined();
  await server.start();
  await waiting;
  expect(idsOf(later)).toEqual(['night-light']);
  await write(fleet, rule('second'), 'absent');
  await until(() => idsOf(fleet)?.length === 2, { what: 'the second rule', timeoutMs: 5000 });
});

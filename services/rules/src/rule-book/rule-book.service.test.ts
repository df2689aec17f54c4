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

/** The book of one replica. */
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

/** Writes a rule in place of the version; settles when it is stored. */
async function write(fleet: string, document: Rule, expected: number | 'absent'): Promise<void> {
  expect(await writeRule(redis, fleet, document, expected)).toMatchObject({ outcome: 'written' });
}

describe('the rule book', () => {
  it('gives a fleet its seeds when it is first heard of, once for all replicas', async () => {
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

  it('has a written rule in force in every replica within a second', async () => {
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

  it('takes a rule that is written while the fleet is read for the first time', async () => {
    const fleet = newFleet();
    await write(fleet, rule(), 'absent');
    // What is read is handed over only when it is old.
    let hasRead = false;
    let looks = 0;
    let handOver = () => {};
    const slow = Object.create(redis) as Redis;
    slow.hgetall = (key: string) => {
      looks += 1;
      return redis.hgetall(key);
    };
    const slowMulti = () => {
      const multi = redis.multi();
      const exec = multi.exec.bind(multi);
      multi.exec = async () => {
        const replies = await exec();
        hasRead = true;
        await new Promise<void>((resolve) => {
          handOver = resolve;
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
    const before = looks;
    await until(() => looks > before, { what: 'the book to see that something was written' });
    await until(
      () => {
        handOver();
        return book.setOf(fleet)?.get('night-light')?.version === 2;
      },
      { what: 'the new version', timeoutMs: 2000 },
    );
    await loading;
  });

  it('keeps a set as long as nothing was written, and what it compiled of rules that did not change', async () => {
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

  it('leaves out a rule that cannot be used, tells of it, and takes it when it is mended', async () => {
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
      { what: 'what went wrong to be kept' },
    );
    await write(fleet, rule('broken'), 0);
    await write(fleet, rule('wrong'), 1);
    await until(() => idsOf(fleet)?.join() === 'broken,fine,wrong', { what: 'all rules' });
    expect(await gauge('rules_unusable')).toBe(0);
  });

  it('goes on with the others when somebody puts something else in the place of the rules of one fleet', async () => {
    const [fleet, other] = [newFleet(), newFleet()];
    await redis.set(rulesKey(fleet), 'what?');
    const { book, idsOf } = openBook();
    await book.ready([fleet, other]);
    expect([idsOf(fleet), idsOf(other)]).toEqual([[], ['night-light']]);
  });

  it('reads at the start the rules of fleets with quorums, though nobody has heard of them', async () => {
    const silent = Array.from({ length: 70 }, newFleet);
    const [broken, other] = [newFleet(), newFleet()];
    for (const fleet of silent)
      await write(fleet, rule('quorum', { quorum: { policy: 'majority' } }), 'absent');
    await write(other, rule(), 'absent');
    await write(broken, rule(), 'absent');
    await redis.set(rulesKey(broken), 'what?');
    const { book, idsOf } = openBook([]);
    const told: string[] = [];
    book.onRead((fleet) => told.push(fleet));
    await until(() => silent.every((fleet) => idsOf(fleet)?.length === 1), {
      what: 'all quorums to be known',
    });
    expect(told.toSorted()).toEqual(expect.arrayContaining(silent.toSorted()));
    expect([idsOf(other), idsOf(broken)]).toEqual([undefined, undefined]);
  });

  it('knows no rules of the canary, and writes none', async () => {
    const { book, idsOf } = openBook();
    await book.ready([CANARY_FLEET]);
    expect(idsOf(CANARY_FLEET)).toEqual([]);
    expect((await listRules(redis, CANARY_FLEET, { limit: 9 })).rules).toEqual([]);
  });

  it('does not hold up the process while it compiles a thousand rules', async () => {
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
    const beat = setInterval(() => {
      turns += 1;
    }, 1);
    const before = process.cpuUsage();
    await book.ready([fleet]);
    clearInterval(beat);
    const computedMs = process.cpuUsage(before).user / 1000;
    expect(book.setOf(fleet)!.size).toBe(1000);
    // Others had a turn after every few milliseconds of it, however long it took on a busy machine.
    expect(turns).toBeGreaterThan(computedMs / 50);
  });
});

// The last one, for it takes Redis away from the others.
it('while Redis is away the last rules stay in force, and who waits for rules waits until it is back', async () => {
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

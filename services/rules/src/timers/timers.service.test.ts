// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { devicesKey, shardOf, timersKey } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { FIRST_VERSION } from '@lamplighter/store/rules/state-version';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import { DeviceCache } from '../evaluation/device-cache.js';
import { KnownDevice } from '../evaluation/known-device.js';
import type { GroupsService } from '../groups/groups.service.js';
import type { ListeningService } from '../groups/listening.service.js';
import { RulesMetrics } from '../metrics.js';
import type { RuleBook } from '../rule-book/rule-book.service.js';
import { RuleSet } from '../rule-book/rule-set.js';
import { RulesErrors } from '../rules-errors.js';
import type { IngestService } from '../telemetry/ingest.service.js';
import { TimersService } from './timers.service.js';

let redis: Redis;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});

const DUE = '1';
let fleets = 0;

/** Timers whose verdicts are up to the test. */
function openTimers(judge: (devices: readonly KnownDevice[]) => Promise<void>) {
  const fleet = `fleet-${++fleets}`;
  const known = new Map<string, KnownDevice>();
  const cached = (topic: string) => {
    const name = topic.split('/').at(-1)!;
    const device = known.get(name) ?? new KnownDevice(new DeviceAddress(fleet, name, false));
    device.version = FIRST_VERSION;
    known.set(name, device);
    return device;
  };
  let tell: Parameters<RuleBook['onRead']>[0] | undefined;
  const onRead: RuleBook['onRead'] = (listener) => {
    tell = listener;
  };
  const metrics = new RulesMetrics('rules', 'test');
  const timers = new TimersService(
    redis,
    Object.assign(new DeviceCache(), { cached }),
    { evaluateTimers: judge } as unknown as IngestService,
    { markDue: () => undefined } as unknown as GroupsService,
    { listeningMs: 0, confirm: async () => undefined } as unknown as ListeningService,
    { onRead } as unknown as RuleBook,
    metrics,
    new RulesErrors(createLogger('rules', 'silent'), metrics),
  );
  timers.onApplicationBootstrap();
  closeLater('timers', () => timers.stop(0));
  const setDue = (name: string) =>
    redis.zadd(timersKey(shardOf(fleet, name)), DUE, `device/${fleet}/${name}`);
  return { timers, fleet, setDue, read: (...rules: RuleSet[]) => tell!(fleet, rules[0]!, rules[1]) };
}

describe('timers', () => {
  it('are all judged at once, a few at a time, however many are due', async () => {
    const judged = new Set<string>();
    const sizes: number[] = [];
    const { setDue } = openTimers(async (devices) => {
      sizes.push(devices.length);
      for (const { address } of devices) judged.add(address.device);
    });
    const polls = stopwatch();
    await Promise.all(Array.from({ length: 2000 }, (_, i) => setDue(`lamp-${i}`)));
    await until(() => judged.size === 2000, { what: 'all timers to be judged' });
    // At 128 a poll, four polls a second, they would take 4 s.
    expect(polls()).toBeLessThan(3000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128);
  });

  it('that are due again at once, as the clocks differ, are judged with the next poll', async () => {
    let judged = 0;
    const { setDue } = openTimers(async () => {
      judged += 1;
      await setDue('lamp');
    });
    await setDue('lamp');
    await until(() => judged > 0, { what: 'the first verdict' });
    const since = performance.now();
    await until(() => judged >= 7, { what: 'seven verdicts' });
    expect(performance.now() - since).toBeGreaterThan(500);
  });

  it('do not keep the service from stopping while Redis is away', async () => {
    let isJudging = false;
    const { timers, setDue } = openTimers(() => {
      isJudging = true;
      return new Promise(() => undefined);
    });
    await setDue('lamp');
    await until(() => isJudging, { what: 'the verdict to begin' });
    await timers.stop(10);
  });

  it('begin for each device of a new scope once, though several rules wait for its silence', async () => {
    const judged: string[] = [];
    const { fleet, read } = openTimers(async (devices) => {
      judged.push(...devices.map(({ address }) => address.device));
    });
    for (const name of ['hall-1', 'yard-1'])
      await redis.zadd(devicesKey(shardOf(fleet, name), fleet), 0, name);
    const rule = (id: string, devices = ['hall-*']) =>
      compileRule(
        ruleSchema.parse({ id, scope: { devices }, absence: { after: '5s' }, then: { siren: 1 } }),
        1,
        1,
      );
    const both = new RuleSet([rule('one'), rule('two')]);
    read(both);
    await until(() => judged.length > 0, { what: 'the first verdict' });
    expect(judged).toEqual(['hall-1']);
    const wider = new RuleSet([rule('one', ['yard-*']), rule('two')]);
    read(wider, both);
    await until(() => judged.length > 1, { what: 'the verdict on who is new in the scope' });
    expect(judged).toEqual(['hall-1', 'yard-1']);
  });
});

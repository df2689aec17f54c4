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
import { DeviceCache } from '../cache/device-cache.js';
import { KnownDevice } from '../cache/known-device.js';
import type { GroupsService } from '../groups/groups.service.js';
import type { ListeningService } from '../groups/listening.service.js';
import { RulesMetrics } from '../metrics.js';
import type { RuleBook } from '../rule-book/rule-book.service.js';
import { RuleSet } from '../rule-book/rule-set.js';
import { RulesErrors } from '../rules-errors.js';
import type { Batch } from '../telemetry/batch.js';
import type { EvaluationRounds } from '../telemetry/evaluation-rounds.service.js';
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

/** Starts the service with the evaluation of the test. */
function openTimers(evaluate: (devices: readonly KnownDevice[]) => Promise<void>) {
  const fleet = `fleet-${++fleets}`;
  const known = new Map<string, KnownDevice>();
  const cached = (topic: string) => {
    const name = topic.split('/').at(-1)!;
    const device = known.get(name) ?? new KnownDevice(new DeviceAddress(fleet, name, false));
    device.version = FIRST_VERSION;
    known.set(name, device);
    return device;
  };
  let notify: Parameters<RuleBook['onRead']>[0] | undefined;
  const onRead: RuleBook['onRead'] = (listener) => {
    notify = listener;
  };
  const metrics = new RulesMetrics('rules', 'test');
  const timers = new TimersService(
    redis,
    Object.assign(new DeviceCache(), { cached }),
    { run: ({ pending }: Batch) => evaluate([...pending.keys()]) } as unknown as EvaluationRounds,
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
  return { timers, fleet, setDue, read: (...rules: RuleSet[]) => notify!(fleet, rules[0]!, rules[1]) };
}

describe('TimersService', () => {
  it('evaluates all due timers without waiting for the next poll, in small batches', async () => {
    const evaluated = new Set<string>();
    const sizes: number[] = [];
    const { setDue } = openTimers(async (devices) => {
      sizes.push(devices.length);
      for (const { address } of devices) evaluated.add(address.device);
    });
    const polls = stopwatch();
    await Promise.all(Array.from({ length: 2000 }, (_, i) => setDue(`lamp-${i}`)));
    await until(() => evaluated.size === 2000, { what: 'all timers to be evaluated' });
    // At 128 per poll and four polls per second it would take 4 s.
    expect(polls()).toBeLessThan(3000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128);
  });

  it('evaluates a timer that is due again immediately with the next poll', async () => {
    let evaluated = 0;
    const { setDue } = openTimers(async () => {
      evaluated += 1;
      await setDue('lamp');
    });
    await setDue('lamp');
    await until(() => evaluated > 0, { what: 'the first evaluation' });
    const since = performance.now();
    await until(() => evaluated >= 7, { what: 'seven evaluations' });
    expect(performance.now() - since).toBeGreaterThan(500);
  });

  it('stops after a limit while an evaluation hangs', async () => {
    let isEvaluating = false;
    const { timers, setDue } = openTimers(() => {
      isEvaluating = true;
      return new Promise(() => undefined);
    });
    await setDue('lamp');
    await until(() => isEvaluating, { what: 'the evaluation to start' });
    await timers.stop(10);
  });

  it('sets one timer per device of a new scope, even if several rules detect its silence', async () => {
    const evaluated: string[] = [];
    const { fleet, read } = openTimers(async (devices) => {
      evaluated.push(...devices.map(({ address }) => address.device));
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
    await until(() => evaluated.length > 0, { what: 'the first evaluation' });
    expect(evaluated).toEqual(['hall-1']);
    const wider = new RuleSet([rule('one', ['yard-*']), rule('two')]);
    read(wider, both);
    await until(() => evaluated.length > 1, { what: 'the evaluation of the new device' });
    expect(evaluated).toEqual(['hall-1', 'yard-1']);
  });
});

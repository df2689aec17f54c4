// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { cancelCommand } from '@lamplighter/store/commands/cancel-command';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { readDevice } from '@lamplighter/store/devices/devices';
import { readLedger } from '@lamplighter/store/fleets/ledger';
import {
  devicesKey,
  MAX_DEVICES_PER_FLEET,
  MAX_OPEN_COMMANDS,
  SHARDS,
  shardOf,
} from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import type { PartOutcome } from '@lamplighter/store/telemetry/device-part';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { DeviceCache } from '../cache/device-cache.js';
import type { GroupStates } from '../cache/group-states.js';
import type { DeviceWaker } from '../commands/device-waker.service.js';
import type { DispatchService } from '../commands/dispatch.service.js';
import type { EdgeService } from '../edge/edge.service.js';
import type { ExcessMessages } from '../fair-shares/excess-messages.service.js';
import type { GroupsService } from '../groups/groups.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { RejectedService } from '../rejected/rejected.service.js';
import type { RuleErrors } from '../rule-book/rule-errors.service.js';
import { RuleSet } from '../rule-book/rule-set.js';
import type { RuleTime } from '../rule-book/rule-time.service.js';
import type { OutageLog } from '../store-access/outage-log.js';
import { Batch } from './batch.js';
import { BatchParser } from './batch-parser.service.js';
import type { DeclaredTypes } from './declared-types.service.js';
import { EvaluationRounds } from './evaluation-rounds.service.js';
import { Evaluator } from './evaluator.service.js';
import type { LiveReadings } from './live-readings.service.js';
import { PrefetchService } from './prefetch.service.js';
import { ReadingStore } from './reading-store.service.js';
import type { ReceiptsService } from './receipts.service.js';
import { Settlement } from './settlement.service.js';
import { TelemetryController } from './telemetry.controller.js';

const LAMP = 'lamp-1';
const RULE = ruleSchema.parse({ id: 'night-light', when: 'light < 300', then: { led_on: true } });

let redis: Redis;
let fleets = 0;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});

/** The way of telemetry with a real store and one rule; records the calls to other services. */
function underTest() {
  const fleet = `fleet-${++fleets}`;
  const devices = new DeviceCache();
  const metrics = new RulesMetrics('rules', 'test');
  const nothing = () => undefined;
  const outages = { writeSucceeded: nothing } as unknown as OutageLog;
  const groupStates = { of: () => undefined } as unknown as GroupStates;
  const rejected = { reject: nothing, suspect: nothing } as unknown as RejectedService;
  const rules = new RuleSet([compileRule(RULE, 1, 1)]);
  const emitted: EnqueueOutcome[] = [];
  const refused: number[] = [];
  const dispatch = {
    dispatchEmitted: (_part: unknown, { commands }: PartOutcome) => emitted.push(...commands),
  } as unknown as DispatchService;
  const store = new ReadingStore(redis, metrics, outages);
  const rounds = new EvaluationRounds(
    new PrefetchService(redis, { setOf: () => rules } as never, metrics, outages, groupStates),
    new Evaluator(
      groupStates,
      metrics,
      { report: nothing } as unknown as RuleErrors,
      { begin: nothing, end: nothing, isSuspended: () => false } as unknown as RuleTime,
      rejected,
    ),
    store,
    new Settlement(
      metrics,
      dispatch,
      { markVoted: nothing } as unknown as GroupsService,
      { wake: nothing } as unknown as DeviceWaker,
      { publish: nothing } as unknown as LiveReadings,
      { recordNewDevice: nothing } as unknown as ExcessMessages,
    ),
  );
  const controller = new TelemetryController(
    new BatchParser(devices, metrics, rejected, { of: nothing } as unknown as DeclaredTypes),
    rounds,
    { storeReports: () => Promise.resolve() } as unknown as EdgeService,
    store,
    {
      send: ({ receipts }: Batch) => {
        for (const receipt of receipts.byDevice.values()) refused.push(...receipt.refused);
      },
    } as unknown as ReceiptsService,
  );
  const topic = `${fleet}/telemetry/${LAMP}`;
  const send = (reading: object) => {
    const payload = Buffer.from(JSON.stringify(reading));
    const message = { topic, payload, qos: 1, packetId: 1, arrivedAt: performance.now() };
    return controller.accept([message as MqttMessage]);
  };
  return { fleet, rounds, send, emitted, refused, device: devices.find(topic)! };
}

it('sends the command again on the next reading if the queue was full', async () => {
  const { fleet, send, emitted } = underTest();
  await send({ light: 500 });
  const command = {
    fleet,
    device: LAMP,
    lane: 'arm',
    policy: 'ordered',
    ttl: 60_000,
    action: { go: 1 },
  } as const;
  const enqueued = await Promise.all(
    Array.from({ length: MAX_OPEN_COMMANDS }, () => enqueueCommand(redis, command)),
  );
  await send({ light: 100 });
  expect(emitted.map(({ state }) => state)).toEqual(['full']);
  await cancelCommand(redis, (enqueued.at(-1) as { id: string }).id);
  await send({ light: 101 });
  expect(emitted.map(({ state }) => state)).toEqual(['full', 'dispatched']);
});

it('sends no receipt for a reading beyond the device limit, but one for an invalid reading', async () => {
  const { fleet, send, refused, device } = underTest();
  const limit = Math.ceil(MAX_DEVICES_PER_FLEET / SHARDS);
  const others = Array.from({ length: limit }, (_, i) => [0, `other-${i}`]).flat();
  await redis.zadd(devicesKey(shardOf(fleet, LAMP), fleet), ...others);
  device.recordBirth({ id: 1, keeps: true });
  await send({ light: 1, _seq: 5 });
  expect(refused).toEqual([]);
  await send({ light: 1, _seq: 6, _at: 1000 });
  expect(refused).toEqual([6]);
});

it('does not recreate a removed device by its timer', async () => {
  const { fleet, rounds, device } = underTest();
  await rounds.run(Batch.ofTimers([device], 0));
  expect(await readDevice(redis, fleet, LAMP)).toBeUndefined();
});

it('keeps the order of readings although the first batches of a device conflict', async () => {
  const outcomes = [];
  for (let ticks = 0; ticks < 40; ticks += 1) {
    const { fleet, send } = underTest();
    const accepted: Promise<void>[] = [];
    for (let n = 1; n <= 12; n += 1) {
      // Three batches at a time, one more than the transport.
      if (n > 3) await accepted[n - 4];
      accepted.push(send({ light: 500, _n: n, _seq: n }));
      for (let tick = 0; tick < ticks % 8; tick += 1) await new Promise(setImmediate);
    }
    await Promise.all(accepted);
    const { stored, late } = (await readLedger(redis, fleet)).readings;
    outcomes.push({ stored, late });
  }
  expect(outcomes).toEqual(Array(40).fill({ stored: 12, late: 0 }));
});

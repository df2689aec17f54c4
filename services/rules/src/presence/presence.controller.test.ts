import { jest } from '@jest/globals';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { commandKeys } from '@lamplighter/store/keys';
import { connectRedis, type Redis, redisNow } from '@lamplighter/store/redis/connect';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import type { DeviceCache } from '../cache/device-cache.js';
import { DeviceWaker } from '../commands/device-waker.service.js';
import type { ExcessMessages } from '../fair-shares/excess-messages.service.js';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { RejectedService } from '../rejected/rejected.service.js';
import type { RetainedJunk } from '../rejected/retained-junk.service.js';
import type { StatePublisher } from '../state/state-publisher.service.js';
import type { OutageLog } from '../store-access/outage-log.js';
import { PresenceController } from './presence.controller.js';

const HOUR = 3_600_000;

let redis: Redis;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = connectRedis(server.url, 'test');
  closeLater('Redis client', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
});
afterEach(() => jest.restoreAllMocks());

/** Enqueues a command for a device that has never connected; returns its id. */
async function enqueue({ fleet, device }: DeviceAddress): Promise<string> {
  const request = { fleet, device, lane: 'led', policy: 'latest' as const, action: { led_on: true } };
  const result = await enqueueCommand(redis, { ...request, ttl: HOUR });
  if (result.outcome !== 'enqueued') throw new Error(result.outcome);
  return result.id;
}

/** Records a birth while one round trip fails; settles when the pending command is due. */
async function isDueAfterBirth(lamp: DeviceAddress, fail: (pipeline: jest.Spied<Redis['pipeline']>) => void) {
  const id = await enqueue(lamp);
  const outages = { writeFailed: jest.fn() };
  const metrics = new RulesMetrics('rules', 'test');
  const controller = new PresenceController(
    redis,
    { announce: () => undefined } as unknown as DeviceCache,
    metrics,
    { append: () => undefined } as unknown as LiveEventsService,
    outages as unknown as OutageLog,
    { markChanged: () => undefined } as unknown as StatePublisher,
    {} as RejectedService,
    new DeviceWaker(redis, metrics, outages as unknown as OutageLog),
    {} as RetainedJunk,
    { onBirths: () => undefined } as unknown as ExcessMessages,
  );
  fail(jest.spyOn(redis, 'pipeline'));
  const payload = Buffer.from(JSON.stringify({ online: true, session: 1, at: 1, telemetry: 'latest' }));
  const birth = { topic: `${lamp.fleet}/presence/${lamp.device}`, payload, delivery: 'live' };
  await controller.record([birth as MqttMessage]);
  const dueMs = async () =>
    Number(await redis.zscore(commandKeys(lamp.shard)[5]!, id)) - (await redisNow(redis));
  await until(async () => (await dueMs()) < 1000, { what: 'the command to be due' });
  expect(outages.writeFailed).toHaveBeenCalledTimes(1);
}

describe('a birth wakes the pending commands of its device', () => {
  it('even if Redis fails after the birth is stored', async () => {
    const send = redis.pipeline.bind(redis);
    await isDueAfterBirth(new DeviceAddress('fleet-1', 'lamp', false), (pipeline) => {
      pipeline.mockImplementationOnce(() => send()); // the birth
      pipeline.mockImplementationOnce(() => {
        throw new Error('Connection is closed.');
      });
    });
  });

  it('even if the response to storing it is lost', async () => {
    const send = redis.pipeline.bind(redis);
    await isDueAfterBirth(new DeviceAddress('fleet-2', 'lamp', false), (pipeline) => {
      pipeline.mockImplementationOnce(() => {
        const calls = send();
        const exec = calls.exec.bind(calls);
        const timeOut = () =>
          exec().then(() => {
            throw new Error('Command timed out');
          });
        return Object.assign(calls, { exec: timeOut });
      });
    });
  });
});

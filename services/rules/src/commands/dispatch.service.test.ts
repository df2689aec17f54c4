import { jest } from '@jest/globals';
import type { CommandEnvelope } from '@lamplighter/contracts/commands/command';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { newCommandId } from '@lamplighter/store/commands/command-id';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { listCommands } from '@lamplighter/store/commands/read-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { recordPresence } from '@lamplighter/store/devices/presence';
import { commandKeys, LEASE_MS } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import type { EmittedCommand, EvaluatedPart } from '../evaluation/evaluate-part.js';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { PublishOutcome } from '../mqtt/messages.js';
import type { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RulesErrors } from '../rules-errors.js';
import { DispatchService } from './dispatch.service.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';

/** A PUBLISH of the dispatcher. */
interface Published {
  readonly topic: string;
  readonly payload: string;
  readonly expirySeconds: number;
  readonly at: number;
}

let redis: Redis;
let fleets = 0;
beforeAll(async () => {
  const server = await startRedis({ settings: ['appendfsync no'] });
  redis = await new Promise<Redis>((resolve, reject) => {
    const opened = connectRedis(server.url, 'test', {
      commandTimeoutMs: 60_000, // a machine that stalls must not fail a claim, whose commands would stay leased
      onUp: () => resolve(opened),
      onDown: (why) => reject(new Error(why)),
    });
    closeLater('Redis client', () => opened.disconnect());
  });
});
afterEach(() => jest.restoreAllMocks());

type Done = (outcome: PublishOutcome) => void;

/** A dispatcher with a real store and a broker that responds to every PUBLISH with `outcome`, or not at all. */
function startDispatcher(outcome?: PublishOutcome) {
  const published: Published[] = [];
  const metrics = new RulesMetrics('rules', 'test');
  const logger = createLogger('rules', 'silent');
  const transport = {
    problems: () => [],
    publish: (_link: string, topic: string, payload: string, expirySeconds: number, done: Done) => {
      published.push({ topic, payload, expirySeconds, at: performance.now() });
      if (outcome !== undefined) done(outcome);
    },
  };
  const subscriber = redis.duplicate({ lazyConnect: true }); // not connected: no wake-ups
  closeLater('subscriber', () => subscriber.disconnect());
  const dispatch = new DispatchService(
    redis,
    subscriber,
    logger,
    transport as unknown as MqttTransport,
    metrics,
    new RulesErrors(logger, metrics),
    new RulesCommandRecorder(logger, metrics, { append: () => undefined } as unknown as LiveEventsService),
  );
  closeLater('dispatcher', () => dispatch.stop());
  const withheld = async () =>
    /^lamplighter_command_dispatches_withheld_total (\d+)/m.exec(await metrics.registry.metrics())?.[1];
  const loops = async () =>
    /^lamplighter_loop_seconds_count (\d+)/m.exec(await metrics.registry.metrics())?.[1];
  return { dispatch, published, withheld, loops };
}

/** Online devices of a new fleet, with a pending command each. */
async function devicesWithCommand(count: number, ttl = 60_000) {
  const fleet = `fleet-${++fleets}`;
  const devices = Array.from({ length: count }, (_, i) => new DeviceAddress(fleet, `lamp-${i}`, false));
  const birth = { online: true, session: 1, reports: 3_600_000 } as const;
  await recordPresence(
    redis,
    devices.map((address) => ({ address, message: birth })),
  );
  const action = { led_on: true };
  await Promise.all(
    devices.map(({ device }) =>
      enqueueCommand(redis, { fleet, device, lane: 'led', policy: 'latest', ttl, attempts: 20, action }),
    ),
  );
  return devices;
}

/** Emits a rule's command that the store accepted, on a reading that arrived at `arrivedAt`. */
function emit(dispatch: DispatchService, { arrivedAt = performance.now(), ttl = 60_000 } = {}) {
  const address = new DeviceAddress(`fleet-${++fleets}`, 'lamp', false);
  const id = newCommandId(address.shard);
  const command = { id, lane: 'led', actionJson: '{"led_on":true}', ttl, arrivedAt };
  const device = { address, commandsTopic: 'topic', acknowledges: true };
  const part = { device, commands: [command as EmittedCommand] } as unknown as EvaluatedPart;
  const enqueued = { id, state: 'dispatched' as const, seq: 1, expiresAt: 1, superseded: [], unknown: [] };
  dispatch.dispatchEmitted(part, { kind: 'accepted', commands: [enqueued] });
}

const stateOf = async ({ fleet, device }: DeviceAddress) =>
  (await listCommands(redis, fleet, device, { limit: 1 }))[0]?.state;

it('publishes due commands of woken shards', async () => {
  const { dispatch, published, withheld } = startDispatcher();
  const [lamp] = await devicesWithCommand(1);
  dispatch.wake([lamp!.shard]);
  await until(() => published.length === 1, { what: 'the command to be published' });
  expect([published[0]!.topic, await withheld()]).toEqual([`${lamp!.fleet}/commands/lamp-0`, '0']);
});

it('repairs waits once at startup, in case the Redis clock was set back', async () => {
  const { dispatch, published } = startDispatcher();
  const [lamp] = await devicesWithCommand(1);
  const { fleet, device, shard } = lamp!;
  const [command] = await listCommands(redis, fleet, device, { limit: 1 });
  await redis.zadd(commandKeys(shard)[5]!, 'XX', command!.createdAt + 30_000, command!.id);
  dispatch.onApplicationBootstrap();
  await until(() => published.some(({ topic }) => topic === `${fleet}/commands/${device}`), {
    what: 'the command to be published',
  });
  await dispatch.stop(); // it polls, and would claim the commands of the other tests
});

it('withholds a claimed command when its lease has expired', async () => {
  const { dispatch, published, withheld } = startDispatcher();
  const [lamp] = await devicesWithCommand(1);
  // Each call of the clock returns a time that is later by more than a lease, as if the process had been stopped.
  let now = performance.now();
  jest.spyOn(performance, 'now').mockImplementation(() => (now += LEASE_MS + 1));
  dispatch.wake([lamp!.shard]);
  await until(async () => (await withheld()) === '1', { what: 'the command to be withheld' });
  expect([published, await stateOf(lamp!)]).toEqual([[], 'dispatched']);
});

it('withholds an emitted command when its lease has expired', async () => {
  const { dispatch, published, withheld } = startDispatcher();
  emit(dispatch);
  emit(dispatch, { arrivedAt: performance.now() - LEASE_MS });
  expect([published.length, await withheld()]).toEqual([1, '1']);
});

it.each([
  [0, '1'],
  [16, '1'],
  ['lost', '0'],
] as const)('measures the loop up to the PUBACK: outcome %p counts %s', async (outcome, counted) => {
  const { dispatch, loops } = startDispatcher(outcome);
  emit(dispatch);
  expect(await loops()).toBe(counted);
});

it('sets a message expiry of at least one second', () => {
  const { dispatch, published } = startDispatcher();
  for (const ttl of [999, 2500]) emit(dispatch, { ttl });
  expect(published.map(({ expirySeconds }) => expirySeconds)).toEqual([1, 2]);
});

it('limits the message expiry to the lease, and sends it to the device as deliverBy', async () => {
  const { dispatch, published } = startDispatcher();
  emit(dispatch, { ttl: 3_600_000 });
  const [lamp] = await devicesWithCommand(1);
  dispatch.wake([lamp!.shard]);
  await until(() => published.length === 2, { what: 'the command to be published' });
  for (const { expirySeconds } of published) expect(expirySeconds * 1000).toBeLessThan(LEASE_MS);
  const { _cmd } = JSON.parse(published[1]!.payload) as { _cmd: CommandEnvelope };
  const sentAt = _cmd.deliverBy! - published[1]!.expirySeconds * 1000;
  expect(Math.abs(sentAt - Date.now())).toBeLessThan(2000);
});

it('requeues a command that the broker refuses, with the reason code as cause', async () => {
  const { dispatch } = startDispatcher(135);
  const [lamp] = await devicesWithCommand(1);
  dispatch.wake([lamp!.shard]);
  await until(
    async () => {
      const [command] = await listCommands(redis, lamp!.fleet, lamp!.device, { limit: 1 });
      expect(command!.transitions.at(-1)).toMatchObject({ state: 'pending', cause: 'refused_135' });
      return true;
    },
    { what: 'the command to be requeued' },
  );
});

it('claims many pending commands at a bounded rate, without leasing more than it publishes', async () => {
  const { dispatch, published, withheld } = startDispatcher();
  const devices = await devicesWithCommand(700, 600_000);
  const started = performance.now();
  // Like the poll: if the machine stalls for longer than a lease, commands are withheld and claimed again.
  const isPublished = (count: number) => {
    dispatch.wake(devices.map(({ shard }) => shard));
    return published.length >= count;
  };
  await until(() => isPublished(200), { what: 'the first commands', timeoutMs: 60_000 });
  const states = await Promise.all(devices.map(stateOf));
  // Leased commands have been published or withheld, except those of one claim in progress.
  const leased = states.filter((state) => state === 'dispatched').length;
  expect(leased).toBeLessThanOrEqual(published.length + Number(await withheld()) + 200);
  const areAllPublished = async () => {
    isPublished(devices.length);
    const topics = new Set(published.map(({ topic }) => topic));
    const missing = devices.filter(({ fleet, device }) => !topics.has(`${fleet}/commands/${device}`));
    expect(await Promise.all(missing.map(stateOf))).toEqual([]);
    return true;
  };
  await until(areAllPublished, { what: 'all commands', timeoutMs: 60_000, everyMs: 500 });
  for (const [i, { at }] of published.entries()) expect(i + 1).toBeLessThanOrEqual(200 + at - started + 1);
}, 150_000);

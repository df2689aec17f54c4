import { deviceStateSchema } from '@lamplighter/contracts/devices/device-state';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { startBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { restartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from '../stack.js';

const LAMP = 'lamp-0001';

/** The states that the broker retains, as a new subscriber receives them. */
async function retainedStates(fleet: TestFleet): Promise<object[]> {
  const client = await connectMqtt(fleet.url);
  await client.subscribe(`${fleet.name}/claims/marker`);
  await client.subscribe(`${fleet.name}/state/+`);
  // Retained messages arrive before messages that are published after the subscription.
  await client.publish(`${fleet.name}/claims/marker`, '1');
  await client.next(({ topic }) => topic.endsWith('/marker'));
  const states = client.received.filter(({ topic }) => topic.includes('/state/'));
  expect(states.every(({ packet }) => packet.retain)).toBe(true);
  await client.close();
  return states.map(({ payload }) => deviceStateSchema.parse(JSON.parse(payload.toString())));
}

/** Collects the states of a fleet as they are published. */
async function followStates(fleet: TestFleet) {
  const client = await connectMqtt(fleet.url);
  await client.subscribe(`${fleet.name}/state/+`);
  return {
    client,
    payloads: () => client.received.map(({ payload }) => payload.toString()),
    states: () =>
      client.received
        .filter(({ payload }) => payload.length > 0)
        .map(({ payload }) => deviceStateSchema.parse(JSON.parse(payload.toString()))),
  };
}

describe('published state', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);

  const publishState = async (fleet: TestFleet, on: boolean) => {
    const response = await stack.send('PUT', `/v1/fleets/${fleet.name}/settings`, { publishState: on });
    expect([response.status, response.body]).toEqual([200, { publishState: on }]);
  };

  it('is published and retained only for fleets that switched it on', async () => {
    const fleet = await stack.broker.newFleet();
    const settings = `/v1/fleets/${fleet.name}/settings`;
    expect((await stack.get(settings)).body).toEqual({ publishState: false });
    const lamp = await connectDevice(fleet);
    const at = Date.now();
    await lamp.sendReading({ light: 412, room: 'hall', _seq: 7, _at: at, _n: 1 });
    await stack.lastState(fleet, LAMP, ({ light }) => light === 412);
    expect(await retainedStates(fleet)).toEqual([]);

    // The state is published without another reading.
    await publishState(fleet, true);
    expect((await stack.get(settings)).body).toEqual({ publishState: true });
    await until(async () => (await retainedStates(fleet)).length === 1, { what: 'the state' });
    const [state] = await retainedStates(fleet);
    const { receivedAt, freshUntil } = deviceStateSchema.parse(state);
    expect(state).toEqual({
      measurements: { light: 412, room: 'hall' },
      ...{ at, seq: 7, receivedAt, presence: 'online', freshUntil },
    });
    expect(receivedAt).toBeGreaterThanOrEqual(at - 1000);
    expect(freshUntil).toBeGreaterThan(receivedAt);

    const other = await stack.broker.newFleet();
    await (await connectDevice(other)).sendReading({ light: 1 });
    await stack.lastState(other, LAMP, ({ light }) => light === 1);
    await lamp.sendReading({ light: 413, _seq: 8 });
    await until(async () => JSON.stringify(await retainedStates(fleet)).includes('413'), {
      what: 'the state with light 413',
    });
    expect(await retainedStates(other)).toEqual([]);
  }, 60_000);

  it('is the newest one, at most once per second, and never from a late reading', async () => {
    const fleet = await stack.broker.newFleet();
    await publishState(fleet, true);
    const lamp = await connectDevice(fleet);
    const follower = await followStates(fleet);
    const startedAt = performance.now();
    for (let seq = 10; seq < 210; seq += 1) await lamp.sendReading({ light: seq, _seq: seq }, { qos: 1 });
    await until(() => follower.states().at(-1)?.seq === 209, { what: 'the newest state' });
    const seconds = (performance.now() - startedAt) / 1000;
    expect(follower.states().length).toBeLessThanOrEqual(2 + seconds);
    const seqs = follower.states().map(({ seq }) => seq!);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));

    const published = follower.states().length;
    await lamp.sendReading({ light: 1, _seq: 1 }, { qos: 1 });
    await stack.lastState(fleet, LAMP, ({ light }) => light === 209);
    await lamp.sendReading(
      [
        { light: 2, _seq: 2 },
        { light: 300, _seq: 300 },
      ],
      { qos: 1 },
    );
    await until(() => follower.states().at(-1)?.seq === 300, { what: 'the state after the late readings' });
    expect(follower.states()).toHaveLength(published + 1);
  }, 60_000);

  it('shows that a device is offline, and nothing about commands', async () => {
    const fleet = await stack.broker.newFleet();
    await publishState(fleet, true);
    const lamp = await connectDevice(fleet);
    await lamp.publish(`${fleet.name}/presence/${LAMP}`, { online: true, session: 1 }, { retain: true });
    const follower = await followStates(fleet);
    await lamp.sendReading({ light: 10, _seq: 1 });
    await until(() => follower.states().at(-1)?.presence === 'online', { what: 'the lamp to be online' });
    await stack.send('POST', `/v1/fleets/${fleet.name}/devices/${LAMP}/commands`, {
      action: { secret_action: 1 },
    });
    await lamp.nextCommand();
    await lamp.publish(`${fleet.name}/presence/${LAMP}`, { online: false, session: 1 }, { retain: true });
    await until(() => follower.states().at(-1)?.presence === 'offline', { what: 'the lamp to be offline' });
    expect(follower.states().at(-1)).toEqual({
      measurements: { light: 10 },
      ...{ seq: 1, receivedAt: expect.any(Number), presence: 'offline' },
    });
    expect(follower.payloads().join()).not.toContain('secret_action');
  }, 60_000);

  it('is removed from the broker when it is switched off, and stays removed', async () => {
    const fleet = await stack.broker.newFleet();
    await publishState(fleet, true);
    const lamps = await Promise.all(['a', 'b', 'c'].map((name) => connectDevice(fleet, name)));
    for (const lamp of lamps) await lamp.sendReading({ light: 5 });
    await until(async () => (await retainedStates(fleet)).length === 3, { what: 'three states' });
    const removed = await stack.metric('lamplighter_state_publishes_total', { result: 'removed' });
    await publishState(fleet, false);
    await until(async () => (await retainedStates(fleet)).length === 0, { what: 'no state' });
    const removedAfter = () => stack.metric('lamplighter_state_publishes_total', { result: 'removed' });
    await until(async () => (await removedAfter()) === removed + 3, { what: 'three removals to be counted' });
    await lamps[0]!.sendReading({ light: 6 });
    await stack.lastState(fleet, 'a', ({ light }) => light === 6);
    expect(await retainedStates(fleet)).toEqual([]);
  }, 60_000);

  it('is removed from the broker with its device, and returns with it', async () => {
    const fleet = await stack.broker.newFleet();
    await publishState(fleet, true);
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 5 });
    await until(async () => (await retainedStates(fleet)).length === 1, { what: 'the state' });
    const deleted = await stack.send('DELETE', `/v1/fleets/${fleet.name}/devices/${LAMP}`);
    expect(deleted.status).toBeLessThan(300);
    await until(async () => (await retainedStates(fleet)).length === 0, { what: 'no state' });
    await lamp.sendReading({ light: 6 });
    await until(async () => JSON.stringify(await retainedStates(fleet)).includes('"light":6'), {
      what: 'the state with light 6',
    });
  }, 60_000);

  it.each([[{}], [{ publishState: 'yes' }], [{ publishstate: true }], [[]]])(
    'cannot be set by %j',
    async (body) => {
      const response = await stack.send('PUT', '/v1/fleets/demo/settings', body);
      expect([response.status, response.body.type]).toEqual([
        400,
        expect.stringContaining('invalid-request'),
      ]);
    },
  );
});

it('the published state survives restarts of rules and the broker, and never goes back', async () => {
  const [broker, redis] = await Promise.all([startBroker(), startRedis()]);
  const fleet = await broker.newFleet();
  const replicas = await Promise.all(
    [1, 2].map(() => restartableService('rules', { MQTT_URL: broker.rulesUrl, REDIS_URL: redis.rulesUrl })),
  );
  const api = await startService('api', { REDIS_URL: redis.apiUrl });
  for (const replica of replicas) await replica.ready();
  const response = await fetch(`${api.url}/v1/fleets/${fleet.name}/settings`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${(await createApiKey(await connected(redis.url))).key}`,
      'content-type': 'application/json',
    },
    body: '{"publishState":true}',
  });
  expect(response.status).toBe(200);
  const lamp = await connectDevice(fleet);
  const follower = await followStates(fleet);
  for (let seq = 1; seq <= 20; seq += 1) await lamp.sendReading({ light: seq, _seq: seq }, { qos: 1 });
  await until(() => follower.states().at(-1)?.seq === 20, { what: 'the newest state, of two replicas' });

  for (const replica of replicas) await replica.kill();
  for (const replica of replicas) await replica.start();
  for (const replica of replicas) await replica.ready();
  await lamp.sendReading({ light: 21, _seq: 21 }, { qos: 1 });
  await until(() => follower.states().at(-1)?.seq === 21, { what: 'a state after the restart of rules' });
  const seqs = follower.states().map(({ seq }) => seq!);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));

  // A killed broker has not written the last minute to its disk.
  await broker.kill();
  await broker.start();
  await until(async () => (await retainedStates(fleet)).length === 1, {
    what: 'the state after the restart of the broker',
    timeoutMs: 30_000,
  });
  expect(await retainedStates(fleet)).toEqual([
    expect.objectContaining({ measurements: { light: 21 }, seq: 21 }),
  ]);
}, 120_000);

import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { removedDeviceSchema } from '../../../services/api/src/devices/device-remover.js';
import { fleetRemovalSchema } from '../../../services/api/src/fleets/fleet.schema.js';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { collectEvents } from '../event-stream.js';
import { addReplica } from '../replicas.js';
import { expectProblem, expectRule, FAN, putRule } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const readingsOf = async (fleet: string) => (await stack.get(`/v1/fleets/${fleet}/ledger`)).body.readings;

/** The topics of the messages that the broker retains for a filter. */
async function retained(filter: string): Promise<string[]> {
  const client = await connectMqtt(stack.broker.rulesUrl);
  await client.subscribe(filter);
  // This message arrives after all retained ones.
  const end = 'lamplighter-canary/telemetry/end-of-retained';
  await client.subscribe(end);
  await client.publish(end, '{}');
  await client.next(({ topic }) => topic === end);
  await client.close();
  return client.received.filter(({ topic }) => topic !== end).map(({ topic }) => topic);
}

it('removes a device with its commands and retained presence, which stay gone after a restart', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  const presence = `${fleet.name}/presence/lamp-0001`;
  await lamp.publish(presence, { online: true, session: 5 }, { retain: true });
  await lamp.sendReading({ heat: 20, _n: 1, _seq: 1 });
  await stack.lastState(fleet, 'lamp-0001', ({ heat }) => heat === 20);
  await lamp.publish(presence, { online: false, session: 5 }, { retain: true });
  await lamp.close();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  await until(async () => (await stack.get(path)).body.presence === 'offline', {
    what: 'the goodbye to be stored',
  });
  const command = await stack.send('POST', `${path}/commands`, { action: { led_on: true } });
  expect(command.status).toBe(202);

  const events = await collectEvents(stack, `fleet=${fleet.name}`);
  const removed = await stack.send('DELETE', path);
  expect(removed.status).toBe(200);
  expect(removedDeviceSchema.parse(removed.body)).toEqual(removed.body);
  expect(removed.body).toMatchObject({
    presence: 'offline',
    ended: [{ id: command.body.id, state: expect.stringMatching(/cancelled|unknown/) }],
  });
  expectProblem(await stack.get(path), 404, 'no-such-device');
  expectProblem(await stack.send('DELETE', path), 404, 'no-such-device');
  expectProblem(await stack.get(`/v1/commands/${command.body.id}`), 404, 'no-such-command');
  expect(await readingsOf(fleet.name)).toMatchObject({ declared: 1, stored: 1, unexplained: 0 });
  const hasEvent = (name: string) => events.some(({ type }) => type === name);
  await until(() => hasEvent('removal') && hasEvent('command'), { what: 'the events of the removal' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'command', command: command.body.id }));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'removal', device: 'lamp-0001', state: 'removed', cause: 'api' }),
  );

  await until(async () => !(await retained(`${fleet.name}/presence/+`)).includes(presence), {
    what: 'the retained presence to be cleared',
  });
  const other = await addReplica(stack);
  await other.stop();
  expectProblem(await stack.get(path), 404, 'no-such-device');
});

it('treats the next reading of a removed device as that of a new device, and explains every reading', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  await lamp.publish(
    `${fleet.name}/presence/lamp-0001`,
    { online: true, session: 5, telemetry: 'keep' },
    { retain: true },
  );
  let n = 0;
  const timer = setInterval(() => {
    n += 1;
    void lamp.sendReading({ heat: n, _n: n, _seq: n });
  }, 10);
  closeLater('reporting lamp', () => clearInterval(timer));
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  for (let round = 0; round < 5; round += 1) {
    const before = n;
    await stack.lastState(fleet, 'lamp-0001', ({ heat }) => Number(heat) > before + 20);
    expect((await stack.send('DELETE', path)).body).toMatchObject({ presence: 'online' });
  }
  const after = n;
  const latest = await stack.lastState(fleet, 'lamp-0001', ({ heat }) => Number(heat) > after + 20);
  expect(latest.body).toMatchObject({ presence: 'online', session: { id: 5, telemetry: 'keep' } });
  clearInterval(timer);
  await until(
    async () => {
      expect(await readingsOf(fleet.name)).toMatchObject({
        declared: n,
        stored: n,
        late: 0,
        declaringDevices: 1,
        unexplained: 0,
      });
      return true;
    },
    { what: `${n} readings in the ledger` },
  );
  const command = await stack.send('POST', `${path}/commands`, { action: { led_on: true } });
  expect(await lamp.nextCommand()).toMatchObject({ _cmd: { id: command.body.id } });
  const receipts = lamp.received.filter(({ topic }) => topic.includes('/receipts/'));
  const last = JSON.parse(receipts.at(-1)!.payload.toString()) as { stored: number[] };
  expect(last.stored.at(-1)).toBeGreaterThan(after);
});

it('removes a device with forgetAfter after its will, with its retained presence', async () => {
  const fleet = await stack.broker.newFleet();
  const presence = `${fleet.name}/presence/lamp-0001`;
  const lamp = await connectDevice(fleet, 'lamp-0001', {
    will: { topic: presence, payload: Buffer.from('{"online":false,"session":7}'), qos: 1, retain: true },
  });
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  await lamp.publish(presence, { online: true, session: 7, forgetAfter: 1000 }, { retain: true });
  await until(async () => (await stack.get(path)).status === 200, {
    what: 'the birth to be stored',
  });
  lamp.cut();
  await until(async () => (await stack.get(path)).status === 404, {
    what: 'the device to be removed',
  });
  await until(async () => (await retained(presence)).length === 0, {
    what: 'the retained will to be cleared',
  });
  const removed = () => stack.metric('lamplighter_devices_removed_total', { cause: 'forget_after' });
  await until(async () => (await removed()) === 1, { what: 'the removal to be counted' });
});

it('removes a fleet in steps that survive a crash, and keeps its ledger', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectMqtt(fleet.url);
  const devices = Array.from({ length: 400 }, (_, i) => `lamp-${i}`);
  await Promise.all(
    devices.map((device) =>
      client.publish(`${fleet.name}/presence/${device}`, { online: true, session: 1 }, { retain: true }),
    ),
  );
  await Promise.all(
    devices.map((device) =>
      client.publish(`${fleet.name}/telemetry/${device}`, { light: 1, _n: 1, _seq: 1 }),
    ),
  );
  await until(async () => (await readingsOf(fleet.name))?.stored === devices.length, {
    what: 'all readings to be stored',
  });
  expectRule(await putRule(stack, fleet, FAN), 201, 1);
  const path = `/v1/fleets/${fleet.name}`;
  await stack.rules.stop();
  for (const device of devices.slice(0, 100))
    await stack.send('POST', `${path}/devices/${device}/commands`, { action: { led_on: true } });

  const started = await stack.send('DELETE', path);
  expect(started.status).toBe(202);
  expect(started.headers.get('location')).toBe(`${path}/removal`);
  expect(fleetRemovalSchema.parse(started.body)).toEqual(started.body);
  expect(started.body).toMatchObject({ state: 'running', removed: 0 });
  const first = await addReplica(stack, {}, { wait: 'started' });
  await until(async () => (await stack.get(`${path}/removal`)).body.removed > 0, {
    what: 'the first devices to be removed',
  });
  first.kill('SIGKILL');
  await first.exited;
  await addReplica(stack);
  const done = await until(
    async () => {
      const { body } = await stack.get(`${path}/removal`);
      return body.state === 'done' && body;
    },
    { what: 'the end of the removal', timeoutMs: 60_000 },
  );
  expect(fleetRemovalSchema.parse(done)).toEqual(done);
  expectProblem(await stack.get(path), 404, 'no-such-fleet');
  expectProblem(await stack.send('DELETE', path), 404, 'no-such-fleet');
  expectProblem(await stack.get(`${path}/rules/${FAN.id}`), 404, 'no-such-rule');
  const { readings, commands } = (await stack.get(`${path}/ledger`)).body;
  expect(readings).toMatchObject({ declared: 400, stored: 400, unexplained: 0 });
  expect(commands).toMatchObject({ issued: { api: 100 }, open: 0, unexplained: 0 });
  await until(async () => (await retained(`${fleet.name}/presence/+`)).length === 0, {
    what: 'the retained presence messages to be cleared',
    timeoutMs: 60_000,
  });
  const redis = await connected(stack.redis.url);
  const left = (await redis.keys('*')).filter((key) => key.includes(fleet.name));
  const kinds = new Set(left.map((key) => key.split(':')[1]));
  expect([...kinds].sort()).toEqual(['device', 'ledger', 'removal', 'rule-versions']);
}, 120_000);

import { devicesKey, SHARDS } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { connectLamps } from '../acknowledging-lamps.js';
import { type Stack, startStack } from '../stack.js';

/** Per second; bursts of 30 seconds for a device, 4 seconds for a fleet, and 10 seconds for new devices. */
const DEVICE_RATE = 10;
const FLEET_RATE = 500;
const NEW_DEVICE_RATE = 20;

/** At most this many messages are on their way to the store. */
const IN_FLIGHT = 3000;

let stack: Stack;
let store: Redis;
let served: { readonly name: string };
beforeAll(async () => {
  stack = await startStack({
    rulesEnv: {
      DEVICE_RATE: String(DEVICE_RATE),
      FLEET_RATE: String(FLEET_RATE),
      NEW_DEVICE_RATE: String(NEW_DEVICE_RATE),
    },
  });
  store = await connected(stack.redis.url);
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [{ device: 'lamp', light: 900, acknowledgement: 'succeeded' }]);
  await stack.lastState(fleet, 'lamp', ({ light }) => light === 900);
  served = fleet;
}, 60_000);

/** Another fleet can still command its lamp, and the service has not lost its connection. */
async function expectOthersServed(): Promise<void> {
  const { body } = await stack.send('POST', `/v1/fleets/${served.name}/devices/lamp/commands`, {
    action: { led_on: true },
  });
  await until(async () => (await stack.get(`/v1/commands/${body.id}`)).body.state === 'succeeded', {
    what: 'the lamp of another fleet to execute a command',
  });
  expect(await stack.metric('lamplighter_mqtt_reconnects_total')).toBe(0);
}

const rejected = (reason: string) => stack.metric('lamplighter_telemetry_rejected_total', { reason });

/** Publishes one batch after the other until the end of the test. */
function flood(publish: () => Promise<unknown>[]): () => Promise<void> {
  let isOver = false;
  const run = async () => {
    while (!isOver) await Promise.all(publish());
  };
  const running = run().catch(() => undefined);
  closeLater('flood', () => {
    isOver = true;
    return running;
  });
  return async () => {
    isOver = true;
    await running;
  };
}

it('a device that floods is limited to its rate, its readings are counted, and others are served', async () => {
  const fleet = await stack.broker.newFleet();
  const loud = await connectDevice(fleet, 'loud');
  const quiet = await connectDevice(fleet, 'quiet');
  const since = performance.now();
  let sent = 0;
  const end = flood(() =>
    Array.from({ length: 100 }, () => {
      sent += 1;
      return loud.sendReading({ light: 500, _seq: sent });
    }),
  );
  await until(async () => (await rejected('device_rate')) > 1000, { what: 'readings to be rejected' });
  await quiet.sendReading({ light: 321 });
  await stack.lastState(fleet, 'quiet', ({ light }) => light === 321);
  await expectOthersServed();
  await end();
  const ledger = async () => (await stack.get(`/v1/fleets/${fleet.name}/ledger`)).body.readings;
  await until(
    async () => {
      const { stored, rejected: counts } = await ledger();
      return stored + counts.device_rate === sent + 1;
    },
    { what: 'every reading to be accounted for' },
  );
  const seconds = (performance.now() - since) / 1000;
  expect((await ledger()).stored).toBeLessThanOrEqual(DEVICE_RATE * (seconds + 30) + 2);
  const { body } = await stack.get(`/v1/rejected?fleet=${fleet.name}&device=loud`);
  expect(body.rejected[0]).toMatchObject({ reason: 'device_rate' });
}, 60_000);

it('a fleet that invents devices adds few of them, and its devices and other fleets are served', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectDevice(fleet, 'lamp');
  await client.sendReading({ light: 1 });
  await stack.lastState(fleet, 'lamp', ({ light }) => light === 1);
  const since = performance.now();
  let invented = 0;
  const end = flood(() =>
    Array.from({ length: 200 }, () => {
      invented += 1;
      return client.publish(`${fleet.name}/telemetry/invented-${invented}`, { light: 500 });
    }),
  );
  await until(async () => (await rejected('new_device_rate')) > 2000, {
    what: 'invented names to be rejected',
  });
  await expectOthersServed();
  await end();
  await client.sendReading({ light: 2 });
  await stack.lastState(fleet, 'lamp', ({ light }) => light === 2);
  const seconds = (performance.now() - since) / 1000;
  const keys = await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) => store.zcard(devicesKey(shard, fleet.name))),
  );
  const devices = keys.reduce((sum, count) => sum + count, 0);
  // What arrived before the first ones were stored is stored, too.
  expect(devices).toBeLessThan(NEW_DEVICE_RATE * (seconds + 10) + IN_FLIGHT);
}, 60_000);

it('a device whose birth arrives while its fleet adds too many devices has a session later, without another birth', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectDevice(fleet, 'lamp');
  let invented = 0;
  await until(
    async () => {
      const batch = Array.from({ length: 50 }, () => {
        invented += 1;
        return client.publish(`${fleet.name}/telemetry/invented-${invented}`, { light: 500 });
      });
      await Promise.all(batch);
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/ledger`);
      return (body.readings?.rejected.new_device_rate ?? 0) > 0;
    },
    { what: 'the fleet to add too many devices' },
  );
  const names = Array.from({ length: 20 }, (_, i) => `late-${i}`);
  const birth = { online: true, session: 1, at: Date.now(), telemetry: 'latest' };
  await Promise.all(
    names.map((device) => client.publish(`${fleet.name}/presence/${device}`, birth, { retain: true })),
  );
  const delayed = () => stack.metric('lamplighter_presence_messages_total', { result: 'delayed' });
  await until(async () => (await delayed()) > 0, { what: 'births to be delayed' });
  const sessionOf = async (device: string) =>
    (await stack.get(`/v1/fleets/${fleet.name}/devices/${device}`)).body.session?.id;
  await until(async () => (await Promise.all(names.map(sessionOf))).every((session) => session === 1), {
    what: 'each device to have a session',
    timeoutMs: 40_000,
  });
}, 60_000);

it('a fleet of many devices is limited to its rate while others are served', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectDevice(fleet, 'first');
  let sent = 0;
  const end = flood(() =>
    Array.from({ length: 200 }, () => {
      sent += 1;
      return client.publish(`${fleet.name}/telemetry/d${sent % 150}`, { light: 500 });
    }),
  );
  await until(async () => (await rejected('fleet_rate')) > 500, { what: 'readings to be rejected' });
  await expectOthersServed();
  await end();
}, 60_000);

it('floods of births and acknowledgements are limited too', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectDevice(fleet, 'loud');
  const kinds = ['presence', 'acknowledgements'] as const;
  for (const kind of kinds)
    for (let sent = 0; sent < 600; sent += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          client.publish(
            `${fleet.name}/${kind}/loud`,
            kind === 'presence' ? { online: true, session: sent + i } : { id: 'none', status: 'succeeded' },
          ),
        ),
      );
  for (const kind of ['presence', 'acknowledgement'])
    await until(
      async () =>
        (await stack.metric('lamplighter_input_rejected_total', { kind, reason: 'device_rate' })) > 0,
      { what: `${kind} messages to be rejected` },
    );
  await expectOthersServed();
}, 60_000);

it('readings that a device keeps are stored later', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet, 'keeper');
  await device.publish(
    `${fleet.name}/presence/keeper`,
    {
      online: true,
      session: 1,
      telemetry: 'keep',
    },
    { retain: true },
  );
  await stack.online(fleet.name, 'keeper');
  const COUNT = 400;
  for (let n = 1; n <= COUNT; n += 100)
    await Promise.all(Array.from({ length: 100 }, (_, i) => device.sendReading({ light: 1, _seq: n + i })));
  const receipts = () =>
    device.received
      .filter(({ topic }) => topic.endsWith('/receipts/keeper'))
      .map(({ payload }) => JSON.parse(payload.toString()) as { stored: number[]; refused?: number[] });
  const stored = () => new Set(receipts().flatMap((receipt) => receipt.stored));
  await until(() => stored().size >= 300, { what: 'receipts within the budget' });
  await until(
    async () => {
      const missing = Array.from({ length: COUNT }, (_, i) => i + 1).filter((seq) => !stored().has(seq));
      await Promise.all(missing.slice(0, 5).map((seq) => device.sendReading({ light: 1, _seq: seq })));
      return missing.length === 0;
    },
    { what: 'the rest to be stored', timeoutMs: 40_000, everyMs: 500 },
  );
  expect(receipts().flatMap(({ refused: seqs = [] }) => seqs)).toEqual([]);
}, 60_000);

import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { startFaultCase } from './fault-case.js';

/** A service with a persistent session, and a lamp whose first reading is stored. */
async function startDurable() {
  const { broker, redis, replicas, client } = await startFaultCase({
    fleets: [],
    rulesEnv: { INGEST_MODE: 'durable' },
  });
  const [rules] = replicas;
  const fleet = await broker.newFleet();
  const lamp = await connectDevice(fleet);
  const path = `/v1/fleets/${fleet.name}/devices/${lamp.device}`;
  await lamp.sendReading({ light: 900, _seq: 1 });
  await until(async () => (await client.get(path)).status === 200, { what: 'the first reading' });
  return { redis, rules, client, fleet, lamp, path };
}

it('F2: a reading that was stored before the service died without a PUBACK is recognised as a duplicate on redelivery', async () => {
  const { rules, client, fleet, lamp, path } = await startDurable();

  rules!.toBroker.stall('up'); // the service receives, but its packets are lost
  await lamp.sendReading({ light: 100, _seq: 2 });
  const darkCommands = async () =>
    (await client.get(`${path}/commands`)).body.commands.filter(
      ({ action }: { action: { led_on: boolean } }) => action.led_on,
    );
  await until(async () => (await darkCommands()).length === 1, { what: 'the command for darkness' });
  await rules!.kill();
  rules!.toBroker.cut();
  rules!.toBroker.heal();
  await rules!.start();
  await rules!.ready();

  await until(() => lamp.commands().some(({ led_on }) => led_on === true), {
    what: 'the command at the lamp',
    timeoutMs: 30_000,
  });
  await until(
    async () => {
      const { readings } = (await client.get(`/v1/fleets/${fleet.name}/ledger`)).body;
      expect(readings).toMatchObject({ stored: 2, duplicate: 1 });
      return true;
    },
    { what: 'one redelivery', timeoutMs: 30_000 },
  );
  expect(await darkCommands()).toHaveLength(1);
  expect((await client.get(`${path}/telemetry`)).body.readings).toHaveLength(2);
}, 120_000);

it('F2: a reading in progress when the service died is redelivered and stored, since it had no PUBACK', async () => {
  const { redis, rules, client, lamp, path } = await startDurable();

  await redis.kill();
  await lamp.sendReading({ light: 800, _seq: 2 });
  const inProgress = async () => {
    const metrics = await (await fetch(`${rules!.url}/metrics`)).text();
    return Number(/^lamplighter_ingest_inflight (\d+)/m.exec(metrics)?.[1]);
  };
  await until(async () => (await inProgress()) > 0, { what: 'the reading in progress', timeoutMs: 30_000 });
  await rules!.kill();
  await redis.start();
  await rules!.start();
  await rules!.ready();
  const stored = async () => (await client.get(`${path}/telemetry`)).body.readings?.length;
  await until(async () => (await stored()) === 2, { what: 'the second reading', timeoutMs: 30_000 });
}, 120_000);

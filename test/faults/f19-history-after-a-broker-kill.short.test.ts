import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient } from '@lamplighter/device/device-client';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { openLink } from '@lamplighter/test-kit/servers/link';
import { until } from '@lamplighter/test-kit/until';
import { startFaultCase } from './fault-case.js';

const [DARK, BRIGHT] = [{ light: 100 }, { light: 900 }];
const BACKLOG = 300;

it('F19: after two kills of the broker, the second with a backlog in flight, history and retained readings never act', async () => {
  const { broker, client, replicas, log } = await startFaultCase({ fleets: [] });
  const { toBroker } = replicas[0]!;
  const fleet = await broker.newFleet();
  const get = async (path: string) => (await client.get(`/v1/fleets/${fleet.name}${path}`)).body;
  const lightOf = async (device: string) => (await get(`/devices/${device}`)).last?.measurements.light;
  const link = await openLink(broker.port);
  const executed: unknown[] = [];
  const keeper = new DeviceClient({
    broker: parseBrokerUrl(link.through(fleet.url)),
    fleet: fleet.name,
    device: 'keeper',
    telemetry: 'keep',
    backoff: { firstMs: 50, maxMs: 200 },
    execute: (action) => {
      executed.push(action);
    },
  });
  closeLater('device', () => keeper.close());
  keeper.start();
  await until(() => keeper.online, { what: 'the device to come online' });
  const plain = await connectDevice(fleet, 'plain');
  for (const [i, reading] of [DARK, BRIGHT].entries()) {
    await keeper.publish(reading);
    await plain.sendReading(reading);
    await until(() => executed.length === i + 1, { what: 'the command of the rule' });
    await plain.nextCommand();
  }
  const commandsBefore = (await get('/ledger')).commands.issued.rule;

  await broker.kill();
  await until(() => !keeper.online, { what: 'the device to detect the loss' });
  for (let i = 1; i < BACKLOG; i += 1) await keeper.publish(DARK);
  await keeper.publish(BRIGHT);
  toBroker.stall();
  link.limit(2000);
  await broker.start();
  const again = await connectDevice(fleet, 'plain');
  await again.publish(`${fleet.name}/telemetry/plain`, DARK, { retain: true });
  toBroker.cut();
  toBroker.heal();
  await until(() => keeper.online, { what: 'the device to reconnect' });
  expect(keeper.waiting).toBe(BACKLOG);
  log('the backlog is in flight');
  await broker.kill();
  link.limit(undefined);
  await broker.start();
  const last = await connectDevice(fleet, 'plain');
  await last.publish(`${fleet.name}/telemetry/plain`, DARK, { retain: true, qos: 0 });
  await replicas[0]!.kill();
  await replicas[0]!.start();
  await replicas[0]!.ready();
  await until(() => keeper.waiting === 0, { what: 'the receipts for the backlog', timeoutMs: 60_000 });

  const kinds = new Map<string, number>();
  for (const { why } of (await get('/devices/keeper/telemetry?limit=500')).readings)
    kinds.set(why ?? 'live', (kinds.get(why ?? 'live') ?? 0) + 1);
  log(`readings in the window: ${[...kinds].join('; ')}`);
  expect(await lightOf('keeper')).toBe(BRIGHT.light);
  expect(kinds.get('replayed')).toBeGreaterThan(200);
  expect(await get('/ledger')).toMatchObject({
    readings: { declared: BACKLOG + 2, unexplained: 0 },
    commands: { issued: { rule: commandsBefore } },
  });
  expect(executed).toEqual([{ led_on: true }, { led_on: false }]);
  expect([...again.commands(), ...last.commands()]).toEqual([]);
  // A live reading still acts.
  await keeper.publish(DARK);
  await until(() => executed.length === 3, { what: 'the command of a live reading' });
}, 180_000);

import { connect, createServer } from 'node:net';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { shareGroup } from '../../../services/rules/src/mqtt/share-group.js';
import { connectAnnounced } from '../announced-device.js';
import { type Stack, startStack } from '../stack.js';

/**
 * A rolling upgrade from a version with another share group, or replicas on both sides of a new password: the broker gives every message
 * to one replica of each group.
 */
const READINGS = 200;
const CROSSINGS = 20;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  const other = await throughAnotherGroup(stack.broker.rulesUrl);
  await startService('rules', { MQTT_URL: other, REDIS_URL: stack.redis.rulesUrl });
}, 60_000);

/** The URL of a relay to the broker that renames the share group in subscriptions. */
async function throughAnotherGroup(rulesUrl: string): Promise<string> {
  const url = new URL(rulesUrl);
  const target = Number(url.port);
  const group = shareGroup(rulesUrl);
  const renamed = group.replace('rules-', 'older-');
  const relay = createServer((client) => {
    const broker = connect(target, '127.0.0.1');
    client.on('data', (chunk) =>
      broker.write(Buffer.from(chunk.toString('latin1').replaceAll(group, renamed), 'latin1')),
    );
    broker.pipe(client);
    for (const [one, two] of [
      [client, broker],
      [broker, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => two.destroy());
      closeLater('relay', () => one.destroy());
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
  closeLater('relay', () => void relay.close());
  url.port = String(port);
  return url.href.replace(/\/$/, '');
}

const historyOf = async (fleet: string, device: string) =>
  (await stack.get(`/v1/fleets/${fleet}/devices/${device}/telemetry?limit=500`)).body.readings?.length;

it('readings with a time and a sequence number are stored once', async () => {
  const fleet = await stack.broker.newFleet();
  const sensor = await connectAnnounced(stack, fleet, 'sensor');
  const from = Date.now() - READINGS;
  await Promise.all(
    Array.from({ length: READINGS }, (_, n) =>
      sensor.sendReading({ light: 400 + n, _seq: (from + n) * 1000, _at: from + n }),
    ),
  );
  const ledger = async () => (await stack.get(`/v1/fleets/${fleet.name}/ledger`)).body.readings;
  await until(
    async () => {
      const { stored, late, duplicate } = await ledger();
      return stored + late + duplicate === 2 * READINGS;
    },
    { what: 'both groups to deliver all readings' },
  );
  expect(await ledger()).toMatchObject({ stored: READINGS, late: 0, duplicate: READINGS });
}, 60_000);

it('plain readings are stored twice, and a lamp gets one command for each crossing of the threshold', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet, 'lamp');
  for (let n = 1; n <= CROSSINGS; n += 1) {
    const light = n % 2 === 1 ? 100 : 900;
    await lamp.sendReading({ light });
    expect(await lamp.nextCommand()).toEqual({ led_on: light === 100 });
    await until(async () => (await historyOf(fleet.name, 'lamp')) === 2 * n, {
      what: 'both groups to deliver the reading',
    });
  }
  expect(lamp.commands()).toHaveLength(CROSSINGS);
}, 60_000);

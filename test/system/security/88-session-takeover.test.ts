import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { addReplica } from '../replicas.js';
import { type Stack, startStack } from '../stack.js';

const DURABLE = { INGEST_MODE: 'durable' };
const READINGS = 100;

/** Connects with the account of another fleet, with every client id of the rules service that it can guess or read. */
async function takeOver(stack: Stack): Promise<void> {
  const { url } = await stack.broker.newFleet();
  const { body } = await stack.get('/v1/rejected?kind=connection&limit=200');
  const shown = (body.rejected as { client: string }[]).map(({ client }) => client);
  for (const id of ['lamplighter-rules', 'lamplighter-rules-durable', ...shown])
    for (const link of ['', '-telemetry', '-commands']) {
      const client = await connectMqtt(url, { clientId: `${id}${link}`, clean: true });
      await client.close();
    }
}

it('another account cannot take the session that the broker keeps for rules', async () => {
  const stack = await startStack({ rulesEnv: DURABLE });
  const fleet = await stack.broker.newFleet();
  const sensor = await connectDevice(fleet, 'sensor');
  await sensor.sendReading({ light: 900 });
  await stack.lastState(fleet, 'sensor', ({ light }) => light === 900);
  // A second replica takes over the session of the first, so that the broker logs the client id.
  const twin = await addReplica(stack, DURABLE, { wait: 'started' });
  await until(
    async () =>
      (await stack.metric('lamplighter_input_rejected_total', { kind: 'connection', reason: 'takeover' })) >
      0,
    { what: 'the takeover to be counted' },
  );
  await twin.stop();
  await stack.rules.stop();
  for (let n = 0; n < READINGS; n += 1) await sensor.sendReading({ light: n });
  await takeOver(stack);
  await addReplica(stack, DURABLE);
  const stored = async () =>
    (await stack.get(`/v1/fleets/${fleet.name}/devices/sensor/telemetry?limit=500`)).body.readings.length;
  await until(async () => (await stored()) === READINGS + 1, { what: 'every queued reading to be stored' });
}, 90_000);

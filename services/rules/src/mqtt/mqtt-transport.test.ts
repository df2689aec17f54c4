import { createLogger } from '@lamplighter/service-kit/log/logger';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import type { MqttMessage } from './messages.js';
import { MqttTransport, type Subscription } from './mqtt-transport.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startBroker();
});

/** A transport with one handler for a fleet's telemetry, one batch at a time; collects failures. */
async function openTransport(fleet: string, handler: (batch: readonly MqttMessage[]) => Promise<void>) {
  const failed: number[] = [];
  const transport = new MqttTransport({
    url: broker.rulesUrl,
    clientId: `lamplighter-test-${fleet}`,
    group: () => fleet,
    durable: false,
    logger: createLogger('rules', 'silent'),
    onReconnect: () => undefined,
    onFailure: (_error, { messages }) => failed.push(messages),
  });
  const subscription: Subscription = {
    ...{
      link: 'telemetry',
      shared: true,
      includesRetained: false,
      maxBatch: 500,
      concurrency: 1,
      holdsLink: false,
    },
  };
  transport.addHandler(`${fleet}/telemetry/#`, handler, true, { ...subscription });
  transport.listen(() => undefined);
  closeLater('transport', () => transport.close());
  await until(() => transport.problems().length === 0, { what: 'the link to be up' });
  return { transport, failed };
}

it('counts and acknowledges the batch of a failing handler, and continues', async () => {
  const fleet = await broker.newFleet();
  const handled: string[] = [];
  const { transport, failed } = await openTransport(fleet.name, async (batch) => {
    const texts = batch.map(({ payload }) => payload.toString());
    if (texts.includes('{"light":1}')) throw new Error('a bug');
    handled.push(...texts);
  });
  const lamp = await connectDevice(fleet);
  await lamp.sendReading({ light: 1 });
  await until(() => failed.length === 1, { what: 'the failure' });
  await lamp.sendReading({ light: 2 });
  await until(() => handled.length === 1, { what: 'the next one' });
  await until(() => transport.inFlightMessages === 0, { what: 'both to be acknowledged' });
  expect([failed, handled]).toEqual([[1], ['{"light":2}']]);
});

it('acknowledges rejected messages although the handler is busy, and the broker continues', async () => {
  const fleet = await broker.newFleet();
  const batches: (readonly MqttMessage[])[] = [];
  const { transport } = await openTransport(fleet.name, (batch) => {
    batches.push(batch);
    return new Promise(() => undefined);
  });
  let rejected = 0;
  transport.rejectIf(({ topic }) => {
    if (!topic.endsWith('/loud')) return false;
    rejected += 1;
    return true;
  });
  const loud = await connectDevice(fleet, 'loud');
  await (await connectDevice(fleet, 'quiet')).sendReading({ light: 1 });
  await until(() => batches.length === 1, { what: 'the handler to be busy' });
  for (let n = 0; n < 3000; n += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => loud.sendReading({ n: n + i })));
  await until(() => rejected === 3000, { what: 'every message to be rejected' });
  await until(() => transport.inFlightMessages === 1, { what: 'all but one to be acknowledged' });
  expect(transport.problems()).toEqual([]);
});

it('delivers queued messages in batches of bounded size, in order', async () => {
  const fleet = await broker.newFleet();
  const batches: (readonly MqttMessage[])[] = [];
  let finish = () => {};
  const first = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { transport } = await openTransport(fleet.name, (batch) => {
    batches.push(batch);
    return batches.length === 1 ? first : Promise.resolve();
  });
  const lamp = await connectDevice(fleet);
  const text = 'x'.repeat(200_000);
  await lamp.sendReading({ n: 0 });
  await until(() => batches.length === 1, { what: 'the first batch' });
  await Promise.all(Array.from({ length: 30 }, (_, i) => lamp.sendReading({ n: i + 1, text })));
  await until(() => transport.inFlightMessages === 31, { what: 'all messages to be queued' });
  finish();
  await until(() => transport.inFlightMessages === 0, { what: 'all to be handled' });
  const numbers = batches.flat().map(({ payload }) => (JSON.parse(payload.toString()) as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: 31 }, (_, n) => n));
  expect(batches.map(({ length }) => length)).toEqual([1, 10, 10, 10]);
});

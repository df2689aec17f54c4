import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';

const HOUR = 3_600_000;

let stack: Stack;
let others: OtherFleet;
let lamp: TestDevice;
beforeAll(async () => {
  stack = await startStack();
  others = await keepOtherFleetGoing(stack);
}, 60_000);
beforeEach(async () => {
  lamp = await connectDevice(await stack.broker.newFleet(), 'lamp');
});
afterEach(() => others.expectServed());

/** Expects that none of the earlier messages caused a command: the next one is that of a new reading. */
async function expectOnlyCommandOf(reading: { light: number; [key: string]: unknown }): Promise<void> {
  const before = lamp.commands().length;
  await lamp.sendReading(reading);
  expect(await lamp.nextCommand(15_000)).toMatchObject({ led_on: reading.light < 300 });
  expect(lamp.commands()).toHaveLength(before + 1);
}
const counted = (name: string, reason: string) =>
  stack.metric(`lamplighter_telemetry_${name}_total`, { reason });

it('a reading from the future is rejected by its clock and counted', async () => {
  const before = await counted('rejected', 'clock');
  for (const ahead of [HOUR, 365 * 24 * HOUR, 1e15])
    await lamp.sendReading({ light: 100, _at: Date.now() + ahead });
  await until(async () => (await counted('rejected', 'clock')) === before + 3, {
    what: 'all to be rejected',
  });
  await expectOnlyCommandOf({ light: 900, _at: Date.now() });
}, 60_000);

it('a single reading that is an hour old is history, and causes no command', async () => {
  const before = await counted('unjudged', 'stale');
  await lamp.sendReading({ light: 100, _at: Date.now() - HOUR });
  await until(async () => (await counted('unjudged', 'stale')) > before, {
    what: 'the old reading to be counted',
  });
  await expectOnlyCommandOf({ light: 900, _at: Date.now() });
}, 60_000);

it('recorded readings that are sent again are duplicates or late, and cause no command', async () => {
  const from = Date.now() - 10_000;
  const recorded = [100, 900, 100, 900].map((light, n) => ({ light, _seq: n + 1, _at: from + n }));
  for (const reading of recorded) {
    await lamp.sendReading(reading);
    await lamp.nextCommand(15_000);
  }
  const results = async () =>
    (await stack.metric('lamplighter_telemetry_messages_total', { result: 'duplicate' })) +
    (await stack.metric('lamplighter_telemetry_messages_total', { result: 'late' }));
  const before = await results();
  for (const reading of recorded) await lamp.sendReading(reading);
  await lamp.sendReading(recorded);
  await until(async () => (await results()) === before + 2 * recorded.length, {
    what: 'every repetition to be counted',
  });
  expect(lamp.commands()).toHaveLength(recorded.length);
}, 60_000);

it('no sequence number, time or session silences a device', async () => {
  const largest = Number.MAX_SAFE_INTEGER;
  const topic = `${lamp.fleet}/presence/lamp`;
  const sessionOf = async () => (await stack.get(`/v1/fleets/${lamp.fleet}/devices/lamp`)).body.session?.id;
  await lamp.publish(topic, { online: true, session: largest }, { retain: true });
  await lamp.sendReading({ light: 900, _seq: largest, _at: Date.now() + 4 * 60_000 });
  await lamp.nextCommand(15_000);
  await lamp.publish(topic, { online: true, session: 2 }, { retain: true });
  await until(async () => (await sessionOf()) === 2, { what: 'the next birth to count' });
  const command = async () => {
    await lamp.sendReading({ light: 100, _seq: Date.now(), _at: Date.now() });
    return lamp.commands().some(({ led_on }) => led_on === true);
  };
  await until(command, { what: 'a command for a new reading', everyMs: 500 });
}, 60_000);

import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { connectAnnounced } from '../announced-device.js';
import { startStack } from '../stack.js';

/** 100 MB in total: much more than what the broker stores otherwise. */
const MESSAGES = 400;
const JUNK = Buffer.alloc(262_000, 'x');

it('retained messages that are not births are cleared at the broker, births stay', async () => {
  const stack = await startStack();
  const fleet = await stack.broker.newFleet();
  const lamp = await connectAnnounced(stack, fleet);
  const hostile = await connectDevice(fleet, 'hostile');
  for (let n = 0; n < MESSAGES; n += 10)
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        hostile.publish(`${fleet.name}/presence/junk-${n + i}`, JUNK, { retain: true }),
      ),
    );
  await hostile.publish(`${fleet.name}/presence/deep/er`, '{}', { retain: true });
  await until(async () => (await stack.metric('lamplighter_retained_junk_cleared_total')) === MESSAGES + 1, {
    what: 'every junk message to be cleared',
  });
  const reader = await connectMqtt(await stack.broker.newReader(fleet.name));
  await reader.subscribe(`${fleet.name}/presence/#`);
  const { topic } = await reader.next();
  expect(topic).toBe(`${fleet.name}/presence/lamp-0001`);
  await lamp.sendReading({ light: 100 });
  await lamp.nextCommand();
  expect(reader.received).toHaveLength(1);
}, 60_000);

import { type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** Acknowledges the next command, and returns its action. */
async function obey(lamp: TestDevice): Promise<unknown> {
  const { _cmd, ...action } = await lamp.nextCommand();
  const id = idOf({ _cmd });
  await acknowledge(lamp, id, 'succeeded');
  const hasSucceeded = async () => (await stack.get(`/v1/commands/${id}`)).body.state === 'succeeded';
  await until(hasSucceeded, { what: 'the command to succeed' });
  return action;
}

it('a device that restarts is sent the action of its raised rule again, with the reason', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectAnnounced(stack, fleet, 'lamp-0001', { session: 1 });
  await lamp.sendReading({ light: 100 });
  expect(await obey(lamp)).toEqual({ led_on: true });
  await lamp.close();
  const again = await connectAnnounced(stack, fleet, 'lamp-0001', { session: 2 });
  await again.sendReading({ light: 100 });
  expect(await obey(again)).toEqual({ led_on: true });
  const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${lamp.device}/commands`);
  const why = await stack.get(`/v1/commands/${body.commands[0].id}/why`);
  expect(JSON.stringify(why.body)).toContain('the device had restarted since the last command');
});

it('a device that reconnects with the same boot is not sent the action again', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectAnnounced(stack, fleet, 'lamp-0001', { session: 1, boot: 'run-1' });
  await lamp.sendReading({ light: 100 });
  expect(await obey(lamp)).toEqual({ led_on: true });
  await lamp.close();
  const again = await connectAnnounced(stack, fleet, 'lamp-0001', { session: 2, boot: 'run-1' });
  await again.sendReading({ light: 100 });
  await again.sendReading({ light: 900 });
  // The next command belongs to the opposite verdict; none came before it.
  expect(await obey(again)).toEqual({ led_on: false });
});

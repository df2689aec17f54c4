import type { Answer } from '@lamplighter/contracts/commands/command';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** A lamp as the README's own program is: it announces itself, answers, and says nothing of its lamp in its readings. */
async function switchOn(fleet: TestFleet, birth: object): Promise<TestDevice> {
  const lamp = await connectDevice(fleet);
  await lamp.publish(
    deviceTopic(fleet.name, 'presence', lamp.device),
    { online: true, ...birth },
    { retain: true },
  );
  const isBorn = async () =>
    (await stack.get(`/v1/fleets/${fleet.name}/devices/${lamp.device}`)).body.session?.id ===
    (birth as { session: number }).session;
  await until(isBorn, { what: 'the birth to be stored' });
  return lamp;
}

/** It carries out its next command. */
async function obey(lamp: TestDevice): Promise<unknown> {
  const { _cmd, ...action } = await lamp.nextCommand();
  const answer: Answer = { id: (_cmd as { id: string }).id, status: 'succeeded' };
  await lamp.publish(deviceTopic(lamp.fleet, 'acknowledgements', lamp.device), answer);
  const isDone = async () => (await stack.get(`/v1/commands/${answer.id}`)).body.state === 'succeeded';
  await until(isDone, { what: 'the command to succeed' });
  return action;
}

it('a device that restarts in the dark is commanded again what its rule holds, and why says so', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await switchOn(fleet, { session: 1 });
  await lamp.sendReading({ light: 100 });
  expect(await obey(lamp)).toEqual({ led_on: true });
  await lamp.close();
  const again = await switchOn(fleet, { session: 2 });
  await again.sendReading({ light: 100 });
  expect(await obey(again)).toEqual({ led_on: true });
  const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${lamp.device}/commands`);
  const why = await stack.get(`/v1/commands/${body.commands[0].id}/why`);
  expect(JSON.stringify(why.body)).toContain('the device had restarted since the last command');
});

it('a device that only reconnects is not, if its births name its run', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await switchOn(fleet, { session: 1, boot: 'run-1' });
  await lamp.sendReading({ light: 100 });
  expect(await obey(lamp)).toEqual({ led_on: true });
  await lamp.close();
  const again = await switchOn(fleet, { session: 2, boot: 'run-1' });
  await again.sendReading({ light: 100 });
  await again.sendReading({ light: 900 });
  // The next command is that of the next verdict, and none before it.
  expect(await obey(again)).toEqual({ led_on: false });
});

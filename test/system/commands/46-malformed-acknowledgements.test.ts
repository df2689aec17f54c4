import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { connectAnnounced } from '../announced-device.js';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const DEVICE = 'lamp-0001';

/** A device, announced or not, that has received a command. */
async function commanded({ announced = true } = {}) {
  const fleet = await stack.broker.newFleet();
  const lamp = announced ? await connectAnnounced(stack, fleet, DEVICE) : await connectDevice(fleet, DEVICE);
  if (!announced) {
    // Bright enough that the seed rule does not switch the lamp on.
    await lamp.sendReading({ light: 500, led_on: false });
    await stack.lastState(fleet, DEVICE, ({ light }) => light === 500);
  }
  const path = `/v1/fleets/${fleet.name}/devices/${DEVICE}/commands`;
  const { body } = await stack.send('POST', path, { action: { led_on: true } });
  const received = await commandOf(lamp);
  const id = body.id as string;
  return {
    id,
    received,
    acknowledge: (payload: object | string) =>
      lamp.publish(`${fleet.name}/acknowledgements/${DEVICE}`, payload),
    next: () => lamp.nextCommand(15_000),
    command: async () => (await stack.get(`/v1/commands/${id}`)).body,
    why: async () => ((await stack.get(`/v1/commands/${id}/why`)).body.sentences as string[]).join('\n'),
  };
}

/** The command of the test; the seed rule may have sent one before. */
async function commandOf(lamp: TestDevice): Promise<Record<string, unknown>> {
  for (;;) {
    const command = await lamp.nextCommand();
    if (command.led_on === true) return command;
  }
}

/** Waits until the command lists malformed acknowledgements, and returns it. */
const waitForUnread = ({ command }: { command: () => Promise<{ unreadAnswers?: object[] }> }, least = 1) =>
  until(
    async () => {
      const body = await command();
      return (body.unreadAnswers?.length ?? 0) >= least && body;
    },
    { what: 'the malformed acknowledgement to be recorded' },
  );

describe('malformed acknowledgement', () => {
  it('is listed with its fault at the command, which is sent again', async () => {
    const sent = await commanded();
    await sent.acknowledge({ status: 'ok' });
    const problem = '`status` must be one of acknowledged, succeeded, failed, rejected, not the string "ok"';
    expect((await waitForUnread(sent)).unreadAnswers).toEqual([
      { at: expect.any(String), field: '/status', problem, payload: '{"status":"ok"}' },
    ]);
    expect(await sent.why()).toContain(`the device sent an invalid acknowledgement: ${problem}`);
    expect(await sent.command()).toMatchObject({ state: 'dispatched' });
    const again = (await sent.next()) as { _cmd: { attempt: number } };
    expect(again._cmd.attempt).toBe(2);
    expect(await sent.why()).toContain(
      'the device sent no valid acknowledgement, so it was sent again, attempt 2',
    );
    await sent.acknowledge({ id: sent.id, status: 'succeeded' });
    await until(async () => (await sent.command()).state === 'succeeded', {
      what: 'the command to succeed',
    });
    expect((await sent.command()).unreadAnswers).toHaveLength(1);
  });

  it.each<[what: string, acknowledgement: (id: string) => object | string, problem: string]>([
    [
      'with a status in upper case',
      (id) => ({ id, status: 'SUCCEEDED' }),
      'status `SUCCEEDED`: use lower case',
    ],
    [
      'without an id',
      () => ({ status: 'succeeded' }),
      '`id` is missing: repeat the `id` of the `_cmd` of the command',
    ],
    [
      'with an unknown id',
      () => ({ id: '1', status: 'succeeded' }),
      '`id` "1" is unknown or no longer stored',
    ],
    [
      'that is not JSON',
      () => 'OK',
      'invalid JSON at character 1: OK is not a JSON value; strings need double quotes',
    ],
  ])('%s is listed at the dispatched command', async (_what, acknowledgement, problem) => {
    const sent = await commanded();
    await sent.acknowledge(acknowledgement(sent.id));
    await waitForUnread(sent);
    expect(await sent.why()).toContain(`the device sent an invalid acknowledgement: ${problem}`);
  });

  it('of a device without a birth is listed at its last command', async () => {
    const sent = await commanded({ announced: false });
    expect(sent.received).toEqual({ led_on: true });
    await until(async () => (await sent.command()).state === 'unknown', { what: 'the end of the command' });
    await sent.acknowledge({ status: 'ok' });
    await waitForUnread(sent);
    expect(await sent.why()).toContain('the device sent an invalid acknowledgement');
  });

  it('is listed at most five times, the newest first', async () => {
    const sent = await commanded();
    for (let i = 0; i < 20; i += 1) await sent.acknowledge({ status: `ok ${i}` });
    await waitForUnread(sent, 4);
    await until(
      async () => {
        await sent.acknowledge({ status: 'ok at last' });
        const { unreadAnswers } = await waitForUnread(sent, 4);
        expect(unreadAnswers!.length).toBeLessThanOrEqual(5);
        return JSON.stringify(unreadAnswers).includes('ok at last');
      },
      { what: 'the newest one to be listed', everyMs: 300 },
    );
  });
});

import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

const DEVICE = 'lamp-0001';

/** A device that has announced itself, or not, and a command that has reached it. */
async function commanded({ announced = true } = {}) {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  if (announced) {
    const birth = { online: true, session: Date.now() };
    await lamp.publish(`${fleet.name}/presence/${DEVICE}`, birth, { retain: true });
    await stack.online(fleet.name, DEVICE);
  }
  if (!announced) {
    // Bright enough for the rule of every fleet to leave the lamp as it is.
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
    answer: (payload: object | string) => lamp.publish(`${fleet.name}/acknowledgements/${DEVICE}`, payload),
    next: () => lamp.nextCommand(15_000),
    command: async () => (await stack.get(`/v1/commands/${id}`)).body,
    why: async () => ((await stack.get(`/v1/commands/${id}/why`)).body.sentences as string[]).join('\n'),
  };
}

/** The command of the test: the rule may have spoken first. */
async function commandOf(lamp: TestDevice): Promise<Record<string, unknown>> {
  for (;;) {
    const command = await lamp.nextCommand();
    if (command.led_on === true) return command;
  }
}

/** The command once an answer that was not understood stands beside it. */
const unread = ({ command }: { command: () => Promise<{ unreadAnswers?: object[] }> }, least = 1) =>
  until(
    async () => {
      const body = await command();
      return (body.unreadAnswers?.length ?? 0) >= least && body;
    },
    { what: 'the answer to be noted' },
  );

describe('an answer that is not understood', () => {
  it('stands beside its command with what is wrong; the command is sent again and says so', async () => {
    const story = await commanded();
    await story.answer({ status: 'ok' });
    const problem = '`status` must be one of acknowledged, succeeded, failed, rejected, not the text "ok"';
    expect((await unread(story)).unreadAnswers).toEqual([
      { at: expect.any(String), field: '/status', problem, payload: '{"status":"ok"}' },
    ]);
    expect(await story.why()).toContain(`the device sent an invalid acknowledgement: ${problem}`);
    expect(await story.command()).toMatchObject({ state: 'dispatched', attempt: 1 });
    const again = (await story.next()) as { _cmd: { attempt: number } };
    expect(again._cmd.attempt).toBe(2);
    expect(await story.why()).toContain(
      'the device sent no valid acknowledgement, so it was sent again, attempt 2',
    );
    await story.answer({ id: story.id, status: 'succeeded' });
    await until(async () => (await story.command()).state === 'succeeded', {
      what: 'the answer that is right',
    });
    expect((await story.command()).unreadAnswers).toHaveLength(1);
  });

  it.each<[what: string, answer: (id: string) => object | string, problem: string]>([
    ['in upper case', (id) => ({ id, status: 'SUCCEEDED' }), 'status `SUCCEEDED`: use lower case'],
    [
      'without its id',
      () => ({ status: 'succeeded' }),
      '`id` is missing: repeat the `id` of the `_cmd` of the command',
    ],
    ['with another id', () => ({ id: '1', status: 'succeeded' }), '`id` "1" is no command'],
    [
      'that is no JSON',
      () => 'OK',
      'invalid JSON at character 1: OK is not a JSON value; text needs double quotes',
    ],
  ])('%s is found at the command that was sent', async (_what, answer, problem) => {
    const story = await commanded();
    await story.answer(answer(story.id));
    await unread(story);
    expect(await story.why()).toContain(`the device sent an invalid acknowledgement: ${problem}`);
  });

  it('of a device that never announced itself is found at the command that it was sent', async () => {
    const story = await commanded({ announced: false });
    expect(story.received).toEqual({ led_on: true });
    await until(async () => (await story.command()).state === 'unknown', { what: 'the end of the command' });
    await story.answer({ status: 'ok' });
    await unread(story);
    expect(await story.why()).toContain('the device sent an invalid acknowledgement');
  });

  it('is noted a few times only', async () => {
    const story = await commanded();
    for (let i = 0; i < 20; i += 1) await story.answer({ status: `ok ${i}` });
    await unread(story, 4);
    await until(
      async () => {
        await story.answer({ status: 'ok at last' });
        const { unreadAnswers } = await unread(story, 4);
        expect(unreadAnswers!.length).toBeLessThanOrEqual(5);
        return JSON.stringify(unreadAnswers).includes('ok at last');
      },
      { what: 'the newest to be among those that are kept', everyMs: 300 },
    );
  });
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from './stack.js';

const PROGRAM = fileURLToPath(new URL('./lesson_device.py', import.meta.url));
const FLEET = 'classroom-17';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ lesson: true });
}, 60_000);

async function runLessonDevice(lights: number[]) {
  const { stdout } = await promisify(execFile)(
    '/usr/bin/python3',
    [PROGRAM, '127.0.0.1', String(stack.broker.port), FLEET, ...lights.map(String)],
    { timeout: 30_000 },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { topic: string; payload: object });
}

describe("the lesson's device, in Python, without an account", () => {
  it('gets an answer to each message, on its topic, with led_on and nothing else', async () => {
    const answers = await runLessonDevice([412, 299, 300, 0, 0]);
    expect(answers).toEqual(
      [false, true, false, true, true].map((led_on) => ({ topic: `${FLEET}/commands`, payload: { led_on } })),
    );
  });

  it('appears in the API as the device named like its fleet', async () => {
    await runLessonDevice([77]);
    const { body } = await until(
      async () => {
        const answer = await stack.get(`/v1/fleets/${FLEET}/devices/${FLEET}`);
        return answer.body.last?.measurements.light === 77 && answer;
      },
      { what: "the lesson's device" },
    );
    expect(body).toMatchObject({ lesson: true, presence: 'online' });
  });

  it('and an anonymous client may use the two-level topics only', async () => {
    const anonymous = await connectMqtt(stack.broker.url);
    const rules = await connectMqtt(stack.broker.rulesUrl);
    await rules.subscribe('+/telemetry/#');
    await anonymous.publish(`${FLEET}/telemetry/lamp`, '{"light":1}').catch(() => undefined);
    await anonymous.publish(`${FLEET}/telemetry`, '{"light":2}');
    const seen = await rules.next(({ topic }) => topic.startsWith(FLEET));
    expect(seen.topic).toBe(`${FLEET}/telemetry`);
  });
});

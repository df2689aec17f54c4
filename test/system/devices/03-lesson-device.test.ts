import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

const PROGRAM = fileURLToPath(new URL('../lesson_device.py', import.meta.url));
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

describe('the lesson device, in Python and without an account', () => {
  it('receives a command with only led_on for each reading, on the lesson topic', async () => {
    const commands = await runLessonDevice([412, 299, 300, 0, 0]);
    expect(commands).toEqual(
      [false, true, false, true, true].map((led_on) => ({ topic: `${FLEET}/commands`, payload: { led_on } })),
    );
  });

  it('appears in the API as a device named like its fleet', async () => {
    await runLessonDevice([77]);
    const { body } = await until(
      async () => {
        const response = await stack.get(`/v1/fleets/${FLEET}/devices/${FLEET}`);
        return response.body.last?.measurements.light === 77 && response;
      },
      { what: 'the reading of the lesson device' },
    );
    expect(body).toMatchObject({ lesson: true, presence: 'online' });
  });

  it('can have its own server: anonymous clients read telemetry and send commands, for single devices too', async () => {
    const server = await connectMqtt(stack.broker.url);
    const device = await connectMqtt(stack.broker.url);
    for (const filter of [`${FLEET}/telemetry`, `${FLEET}/telemetry/+`]) await server.subscribe(filter);
    for (const filter of [`${FLEET}/commands`, `${FLEET}/commands/lamp`]) await device.subscribe(filter);
    for (const lane of ['', '/lamp']) {
      await device.publish(`${FLEET}/telemetry${lane}`, '{"light":1234}');
      await server.next(({ topic }) => topic === `${FLEET}/telemetry${lane}`);
      await server.publish(`${FLEET}/commands${lane}`, '{"led_on":"by my server"}');
      await device.next(({ payload }) => payload.toString() === '{"led_on":"by my server"}');
    }
    // The product stores these readings, too.
    await stack.lastState({ name: FLEET, url: '' }, 'lamp', ({ light }) => light === 1234);
  });

  it('cannot use other topics: presence, acknowledgements, receipts or the $SYS topics of the broker', async () => {
    const anonymous = await connectMqtt(stack.broker.url);
    const rules = await connectMqtt(stack.broker.rulesUrl);
    for (const filter of ['+/presence/+', '+/acknowledgements/+']) await rules.subscribe(filter);
    for (const filter of ['#', '$SYS/#', '$share/class/#']) await anonymous.subscribe(filter);
    for (const topic of [`${FLEET}/presence/lamp`, `${FLEET}/acknowledgements/lamp`])
      await anonymous.publish(topic, '{}').catch(() => undefined);
    await rules.publish(`${FLEET}/receipts/lamp`, '{}');
    const device = await connectMqtt(stack.broker.fleetUrl('demo'));
    await device.publish('demo/presence/lamp', '{"online":true}');
    await rules.next(({ topic }) => topic === 'demo/presence/lamp');
    await device.publish('demo/telemetry/lamp', '{"light":900}');
    await anonymous.next(({ topic }) => topic === 'demo/telemetry/lamp');
    const seen = anonymous.received.map(({ topic }) => topic.split('/')[1]);
    expect(seen.filter((kind) => kind !== 'telemetry' && kind !== 'commands')).toEqual([]);
    expect(rules.received.filter(({ topic }) => topic.startsWith(FLEET))).toEqual([]);
  });
});

import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { rejectedSample } from '../rejected-sample.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const DEVICE = 'lamp-0001';
const HOUR = 3_600_000;

/** Publishes a payload as a device of a new fleet, and returns its sample. */
async function sampleOf(kind: string, payload: string | Buffer) {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  const send = () => lamp.publish(`${fleet.name}/${kind}/${DEVICE}`, payload);
  return rejectedSample(stack, `fleet=${fleet.name}&device=${DEVICE}`, send);
}

describe('a sample of rejected input shows', () => {
  it.each<[what: string, kind: string, payload: () => string | Buffer, expected: object]>([
    [
      'that the device clock uses seconds',
      'telemetry',
      () => JSON.stringify({ light: 1, _at: Math.floor(Date.now() / 1000) }),
      {
        kind: 'telemetry',
        reason: 'clock',
        field: '/_at',
        problem: '`_at` looks like seconds, expected milliseconds',
      },
    ],
    [
      'how far the device clock is ahead',
      'telemetry',
      () => JSON.stringify({ light: 1, _at: Date.now() + 3 * HOUR }),
      {
        reason: 'clock',
        field: '/_at',
        problem: expect.stringMatching(/^`_at` is (3|2\.9) h ahead of server time/),
      },
    ],
    [
      'where the JSON is invalid',
      'telemetry',
      () => '{"light": 1,}',
      {
        reason: 'bad_json',
        problem: 'invalid JSON at character 13: a comma before "}"',
        payload: '{"light": 1,}',
      },
    ],
    [
      'that the sequence number is too large',
      'telemetry',
      () => '{"light":1,"_seq":9007199254740993}',
      {
        reason: 'schema',
        field: '/_seq',
        problem: '`_seq` is larger than 2^53-1 and cannot be kept exactly',
      },
    ],
    [
      'that a text is too long',
      'telemetry',
      () => JSON.stringify({ light: 'x'.repeat(5000) }),
      {
        reason: 'schema',
        field: '/light',
        problem: '`light` is a string of 5,000 characters, at most 1,024',
      },
    ],
    [
      'which reading of a replay is invalid',
      'telemetry',
      () => '[{"light":1},{"_seq":"x"}]',
      { field: '/1/_seq', problem: 'reading 2 of 2: `_seq` must be an integer, not the string "x"' },
    ],
    [
      'that the session of a birth must be a number',
      'presence',
      () => '{"online":true,"session":"first"}',
      {
        kind: 'presence',
        reason: 'schema',
        field: '/session',
        problem: '`session` must be an integer, not the string "first"',
      },
    ],
    [
      'that the status of an acknowledgement must be in lower case',
      'acknowledgements',
      () => '{"id":"x","status":"SUCCEEDED"}',
      {
        kind: 'acknowledgement',
        reason: 'schema',
        field: '/status',
        problem: 'status `SUCCEEDED`: use lower case',
      },
    ],
    [
      'that an acknowledgement belongs to no command',
      'acknowledgements',
      () => '{"id":"7","status":"succeeded"}',
      {
        kind: 'acknowledgement',
        reason: 'unknown_command',
        field: '/id',
        problem: expect.stringContaining('is unknown or no longer stored'),
      },
    ],
    [
      'that an edge report is invalid, although the reading is accepted',
      'telemetry',
      () => '{"light":1,"_edge":{"rule":"night-light","decisions":["{"]}}',
      {
        kind: 'edge',
        field: '/_edge/decisions/0',
        problem: expect.stringContaining('invalid JSON at character 2'),
      },
    ],
    [
      'that a rule needs a number, although the reading is accepted',
      'telemetry',
      () => '{"light":"412"}',
      {
        kind: 'telemetry',
        reason: 'type',
        accepted: true,
        field: '/light',
        problem: '`light` is the string "412"; rule "night-light" needs a number and cannot decide',
      },
    ],
    [
      'which integer cannot be stored exactly, although the reading is accepted',
      'telemetry',
      () => '{"light":500,"serial":9007199254740993}',
      {
        reason: 'inexact',
        accepted: true,
        field: '/serial',
        problem: expect.stringContaining('is read as 9007199254740992'),
      },
    ],
  ])('%s', async (_what, kind, payload, expected) => {
    expect(await sampleOf(kind, payload())).toMatchObject({ device: DEVICE, ...expected });
  });
});

it.each([4, 5] as const)(
  'a topic per measurement is rejected, and the sample names the correct topic (MQTT version %s)',
  async (protocolVersion) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet, DEVICE, { protocolVersion });
    const send = () => lamp.publish(`${fleet.name}/telemetry/${DEVICE}/light`, '412');
    expect(await rejectedSample(stack, `fleet=${fleet.name}`, send)).toMatchObject({
      kind: 'telemetry',
      reason: 'sub_topic',
      device: DEVICE,
      problem: 'one JSON object per reading on <fleet>/telemetry/<device>; sub-topics are not read',
    });
  },
);

it('counts invalid input by kind and reason', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  const sent: [kind: string, payload: string, metric: string, labels: Record<string, string>][] = [
    ['telemetry', '{', 'input_rejected', { kind: 'telemetry', reason: 'bad_json' }],
    ['presence', '[]', 'input_rejected', { kind: 'presence', reason: 'schema' }],
    ['acknowledgements', '{}', 'input_rejected', { kind: 'acknowledgement', reason: 'schema' }],
    ['telemetry', '{"light":"1"}', 'input_suspicious', { kind: 'telemetry', reason: 'type' }],
    ['telemetry', '{"a":90071992547409931}', 'input_suspicious', { kind: 'telemetry', reason: 'inexact' }],
  ];
  for (const [kind, payload, metric, labels] of sent) {
    const read = () => stack.metric(`lamplighter_${metric}_total`, labels);
    const before = await read();
    await lamp.publish(`${fleet.name}/${kind}/${DEVICE}`, payload);
    await until(async () => (await read()) === before + 1, { what: `${payload} to be counted` });
  }
});

it('a device that floods the broker with invalid input neither hides other samples nor stops the decisions of other devices', async () => {
  const fleet = await stack.broker.newFleet();
  const [loud, lamp] = [await connectDevice(fleet, 'loud'), await connectDevice(fleet)];
  let isFlooding = true;
  const flood = async () => {
    const invalid = `{"text":"${'x'.repeat(2000)}`;
    while (isFlooding)
      await Promise.all(
        Array.from({ length: 200 }, () => loud.publish(`${fleet.name}/telemetry/loud`, invalid)),
      );
  };
  const flooding = flood();
  try {
    const wrong = () => lamp.publish(`${fleet.name}/telemetry/${DEVICE}`, '{"_seq":-1}');
    const sample = await rejectedSample(stack, `fleet=${fleet.name}&device=${DEVICE}`, wrong);
    expect(sample.problem).toBe('`_seq` is -1, at least 0');
    // The broker drops readings while its queue is full, so the lamp keeps measuring, as devices do.
    await until(
      async () => {
        await lamp.sendReading({ light: 100 });
        return lamp.commands().length > 0;
      },
      { what: 'a command', everyMs: 500 },
    );
    expect(lamp.commands()[0]).toMatchObject({ led_on: true });
  } finally {
    isFlooding = false;
    await flooding;
  }
});

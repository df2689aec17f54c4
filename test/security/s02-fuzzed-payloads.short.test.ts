import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { IS_FULL, printedSeed, type Random } from './seed.js';

const MESSAGES = IS_FULL ? 6000 : 600;
const AT_ONCE = 20;
/** Few enough messages of each device that none exceeds its rate. */
const DEVICES = 20;

let stack: Stack;
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);
beforeEach(async () => {
  others = await keepOtherFleetGoing(stack);
});

/** A valid message of each kind that a device sends. */
const VALID = {
  telemetry: { light: 412, where: { room: 'hall' }, _seq: 7, _n: 7, _dropped: 1 },
  presence: { online: true, session: 5, at: 1790000000000, telemetry: 'latest', sleeps: 60_000, boot: 'a' },
  acknowledgements: { id: 'unknown-command', status: 'succeeded', result: { led_on: true } },
};
type Kind = keyof typeof VALID;

const LEAVES = [
  null,
  true,
  0,
  -1,
  1e308,
  -1e-308,
  2 ** 53,
  0.1,
  '',
  'NaN',
  '\u0000',
  '\ud800',
  'x'.repeat(2000),
  '__proto__',
  [],
  {},
  [[[[[[1]]]]]],
];
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  '',
  '_at',
  '_edge',
  '_cmd',
  'light',
  'x'.repeat(100),
  'a.b',
  '\u202e',
];

/** The text of a message with one or a few mistakes in its structure, or in its bytes. */
function mutated(random: Random, valid: object): Buffer {
  const copy = structuredClone(valid) as Record<string, unknown>;
  const change = random.below(6);
  if (change <= 2) {
    const key = random.pick([...Object.keys(copy), ...KEYS]);
    // An own property, also for `__proto__`.
    Object.defineProperty(copy, key, {
      value: random.pick(LEAVES),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  if (change === 3) delete copy[random.pick(Object.keys(copy))];
  const text = Buffer.from(JSON.stringify(copy));
  if (change === 4) {
    text[random.below(text.length)] = random.below(256);
    return text;
  }
  return change === 5 ? text.subarray(0, random.below(text.length)) : text;
}

const results = ['accepted', 'late', 'duplicate', 'stale', 'retained', 'rejected'];
const counted = async (kind: Kind) => {
  const sums = {
    telemetry: results.map((result) => stack.metric('lamplighter_telemetry_messages_total', { result })),
    presence: [stack.metric('lamplighter_presence_messages_total')],
    acknowledgements: [stack.metric('lamplighter_acknowledgements_total')],
  }[kind];
  return (await Promise.all(sums)).reduce((sum, count) => sum + count, 0);
};

it.each<[kind: Kind, rejectedKind: string]>([
  ['telemetry', 'telemetry'],
  ['presence', 'presence'],
  ['acknowledgements', 'acknowledgement'],
])(
  `${MESSAGES} messages of kind %s with random mistakes are each accepted or rejected with a reason`,
  async (kind, rejectedKind) => {
    const random = printedSeed();
    const fleet = await stack.broker.newFleet();
    const device = await connectDevice(fleet, 'fuzzed');
    const rejected = () => stack.metric('lamplighter_input_rejected_total', { kind: rejectedKind });
    const failed = () => stack.metric('lamplighter_telemetry_messages_total', { result: 'failed' });
    const before = await rejected();
    let sent = 0;
    while (sent < MESSAGES) {
      const some = Array.from({ length: AT_ONCE }, () => mutated(random, VALID[kind]));
      await Promise.all(
        some.map((payload, i) => device.publish(`${fleet.name}/${kind}/d-${(sent + i) % DEVICES}`, payload)),
      );
      sent += AT_ONCE;
    }
    // The last message is valid, so everything before it has been read.
    await device.publish(`${fleet.name}/${kind}/last`, VALID[kind]);
    await until(async () => (await rejected()) > before + MESSAGES / 20, { what: 'mistakes to be rejected' });
    if (kind === 'telemetry') await stack.lastState(fleet, 'last', ({ light }) => light === 412);
    await until(async () => (await stack.metric('lamplighter_ingest_inflight')) < 5, {
      what: 'all to be acknowledged',
    });
    expect(await failed()).toBe(0);
    await others.expectServed();
  },
  120_000,
);

it('every reading of fuzzed telemetry is in the ledger', async () => {
  const random = printedSeed();
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet, 'fuzzed');
  const before = await counted('telemetry');
  const ours = () => stack.get(`/v1/fleets/${fleet.name}/ledger`);
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, () =>
        device.publish(
          `${fleet.name}/telemetry/d-${random.below(DEVICES)}`,
          mutated(random, VALID.telemetry),
        ),
      ),
    );
  const total = async () => {
    const { readings } = (await ours()).body;
    const counts = Object.values(readings.rejected as Record<string, number>);
    return counts.reduce((sum, count) => sum + count, readings.stored + readings.late + readings.duplicate);
  };
  await until(async () => (await total()) === MESSAGES, { what: `${MESSAGES} readings in the ledger` });
  expect(await counted('telemetry')).toBeGreaterThanOrEqual(before + MESSAGES);
  await others.expectServed();
}, 120_000);

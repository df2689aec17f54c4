import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';
import { IS_FULL, printedSeed } from './seed.js';
import {
  bytes,
  CONNECT,
  isClosed,
  login,
  open,
  PINGREQ,
  PUBLISH,
  PUBREL,
  packet,
  SUBSCRIBE,
  text,
  UNSUBSCRIBE,
} from './wire.js';

const SESSIONS = IS_FULL ? 3000 : 200;
const AT_ONCE = 20;

let stack: Stack;
let evil: { readonly name: string; readonly url: string };
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
  evil = await stack.broker.newFleet();
}, 60_000);
beforeEach(async () => {
  others = await keepOtherFleetGoing(stack);
});

const protocolErrors = () =>
  stack.metric('lamplighter_input_rejected_total', { kind: 'connection', reason: 'protocol' });
const topic = () => text(`${evil.name}/telemetry/x`);
const notUtf8 = bytes(0xc3, 0x28, 0xed, 0xa0, 0x80);

it.each<[what: string, packet: Buffer]>([
  ['a publish instead of a connect', packet(PUBLISH, 0, text('a'))],
  ['another protocol name', packet(CONNECT, 0, text('HTTP'), bytes(4, 2, 0, 60), text('a'))],
  ['an unknown protocol level', packet(CONNECT, 0, text('MQTT'), bytes(9, 2, 0, 60), text('a'))],
  ['the reserved connect flag', packet(CONNECT, 0, text('MQTT'), bytes(4, 3, 0, 60), text('a'))],
  [
    'a will with QoS 3',
    packet(CONNECT, 0, text('MQTT'), bytes(4, 0x1e, 0, 60), text('a'), text('b'), text('c')),
  ],
  ['a missing user name', packet(CONNECT, 0, text('MQTT'), bytes(4, 0xc2, 0, 60), text('a'))],
  ['a client id that is not UTF-8', packet(CONNECT, 0, text('MQTT'), bytes(4, 2, 0, 60), text(notUtf8))],
  ['a length of five bytes', bytes(0x10, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['a packet of type 0', bytes(0, 0)],
  ['an empty connect', packet(CONNECT, 0)],
])('the broker closes a connection that begins with %s', async (_what, first) => {
  expect(await isClosed(await open(stack.broker.port, first))).toBe(true);
  await others.expectServed();
});

it.each<[what: string, packet: () => Buffer]>([
  ['a second connect', () => login(evil.url, 'again')],
  ['a publish with QoS 3', () => packet(PUBLISH, 6, topic(), bytes(0, 1), Buffer.from('{}'))],
  ['a publish to a filter', () => packet(PUBLISH, 0, text(`${evil.name}/telemetry/+`))],
  ['a topic with a null character', () => packet(PUBLISH, 0, text(`${evil.name}/telemetry/\0`))],
  ['a topic that is not UTF-8', () => packet(PUBLISH, 0, text(notUtf8))],
  ['a topic longer than its packet', () => packet(PUBLISH, 0, bytes(0xff, 0xff, 0x61))],
  ['packet id 0', () => packet(PUBLISH, 2, topic(), bytes(0, 0), Buffer.from('{}'))],
  ['a subscribe with the wrong flags', () => packet(SUBSCRIBE, 0, bytes(0, 1), text('a'), bytes(0))],
  ['a subscribe without filters', () => packet(SUBSCRIBE, 2, bytes(0, 1))],
  ['a subscribe with QoS 3', () => packet(SUBSCRIBE, 2, bytes(0, 1), text('a'), bytes(3))],
  ['a filter with # in the middle', () => packet(SUBSCRIBE, 2, bytes(0, 1), text('a/#/b'), bytes(0))],
  ['an unsubscribe without filters', () => packet(UNSUBSCRIBE, 2, bytes(0, 1))],
  ['a release with the wrong flags', () => packet(PUBREL, 0, bytes(0, 1))],
  ['a packet of type 15', () => packet(15, 0)],
])('the broker closes a session that sends %s, and it is counted', async (_what, malformed) => {
  const before = await protocolErrors();
  const socket = await open(evil.url, login(evil.url, 'hostile'), malformed());
  expect(await isClosed(socket)).toBe(true);
  await until(async () => (await protocolErrors()) > before, { what: 'the connection to be counted' });
  await others.expectServed();
});

it(`${SESSIONS} sessions with random mistakes neither end the broker nor affect another fleet`, async () => {
  const random = printedSeed();
  const session = (n: number) =>
    Buffer.concat([
      login(evil.url, `fuzz-${n}`),
      packet(SUBSCRIBE, 2, bytes(0, 1), text(`${evil.name}/commands/x`), bytes(1)),
      packet(PUBLISH, 2, topic(), bytes(0, 2), Buffer.from('{"light":412}')),
      packet(PUBLISH, 4, topic(), bytes(0, 3), Buffer.from('{"light":413}')),
      packet(PUBREL, 2, bytes(0, 3)),
      packet(UNSUBSCRIBE, 2, bytes(0, 4), text(`${evil.name}/commands/x`)),
      packet(PINGREQ, 0),
    ]);
  const loginBytes = login(evil.url, 'fuzz-0').length;
  /** Half of the mistakes come after the login, which a mistake in it would end. */
  const mutate = (valid: Buffer) => {
    let mutated = valid;
    for (let n = random.below(4); n >= 0; n -= 1) {
      const from = random.below(2) === 0 ? 0 : loginBytes;
      const at = from + random.below(mutated.length - from);
      const [before, after] = [mutated.subarray(0, at), mutated.subarray(at)];
      const change = random.pick(['replace', 'insert', 'remove', 'repeat'] as const);
      if (change === 'replace') mutated = Buffer.concat([before, random.bytes(1), after.subarray(1)]);
      if (change === 'insert') mutated = Buffer.concat([before, random.bytes(1 + random.below(8)), after]);
      if (change === 'remove') mutated = Buffer.concat([before, after.subarray(1 + random.below(8))]);
      if (change === 'repeat') mutated = Buffer.concat([before, after, after]);
    }
    return mutated;
  };
  const before = await protocolErrors();
  for (let sent = 0; sent < SESSIONS; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        const socket = await open(evil.url, mutate(session(sent + i)));
        await isClosed(socket, 50);
        socket.destroy();
      }),
    );
  await until(async () => (await protocolErrors()) > before, { what: 'some connections to be counted' });
  await others.expectServed();
  expect(await isClosed(await open(evil.url, login(evil.url, 'after')), 300)).toBe(false);
}, 240_000);

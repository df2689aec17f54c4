import { type Packet, parser } from 'mqtt-packet';
import { acknowledgementPacket, birthPacket } from './acknowledging.js';

function decode(bytes: Buffer) {
  let packet: Packet | undefined;
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (decoded) => {
    packet = decoded;
  });
  reader.parse(bytes);
  const { topic, payload, messageId } = packet as Extract<Packet, { cmd: 'publish' }>;
  return { topic, messageId, payload: JSON.parse(payload.toString()) as object };
}

it('a birth names its session', () => {
  expect(decode(birthPacket('bench', 7, 5))).toEqual({
    topic: 'bench/presence/bench-00007',
    messageId: 5,
    payload: { online: true, session: expect.any(Number) },
  });
});

it('an acknowledgement has the id of its command', () => {
  const command = Buffer.from('{"led_on":true,"_cmd":{"id":"01ABC"}}');
  expect(decode(acknowledgementPacket('bench', 7, command, 6))).toEqual({
    topic: 'bench/acknowledgements/bench-00007',
    messageId: 6,
    payload: { id: '01ABC', status: 'succeeded' },
  });
});

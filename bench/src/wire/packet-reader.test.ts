import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PacketReader } from './packet-reader.js';
import { PACKET_TYPE, pubackPackets, publishPacket } from './packets.js';

function readerInto(log: unknown[]): PacketReader {
  return new PacketReader({
    publish: ({ chunk, topicStart, topicEnd, payloadStart, payloadEnd, packetId }) =>
      log.push([chunk.toString('utf8', topicStart, topicEnd), payloadEnd - payloadStart, packetId]),
    puback: (packetId) => log.push(packetId),
    control: (type, code) => log.push({ type, code }),
  });
}

describe('PacketReader', () => {
  const stream = Buffer.concat([
    Buffer.from([0x20, 2, 0, 5]),
    publishPacket('a/commands/b', Buffer.from('{"led_on":true}'), 1, 300),
    pubackPackets([9, 10]),
    publishPacket('long', Buffer.alloc(300), 0),
    Buffer.from([0xd0, 0]),
  ]);
  const packets = [
    { type: PACKET_TYPE.connack, code: 5 },
    ['a/commands/b', 15, 300],
    9,
    10,
    ['long', 300, 0],
    { type: PACKET_TYPE.pingresp, code: 0 },
  ];

  it('finds the same packets in any chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
        const log: unknown[] = [];
        const reader = readerInto(log);
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const memory = Buffer.alloc(stream.length); // reused for each chunk, as by a socket
        for (const [i, end] of edges.slice(1).entries()) {
          const length = stream.copy(memory, 0, edges[i], end);
          reader.read(memory.subarray(0, length));
        }
        expect(log).toEqual(packets);
      }),
    );
  });

  it('rejects a stream that is not MQTT', () => {
    expect(() => readerInto([]).read(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]))).toThrow('not MQTT');
  });
});

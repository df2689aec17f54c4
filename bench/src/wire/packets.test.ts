import { describe, expect, it } from '@jest/globals';
import { type Packet, parser } from 'mqtt-packet';
import { connectPacket, pubackPackets, publishPacket, subscribePacket } from './packets.js';

/** Decodes packets with an independent implementation. */
function decode(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => packets.push(packet));
  reader.parse(bytes);
  return packets;
}

describe('packets', () => {
  it('encode CONNECT with credentials', () => {
    const [packet] = decode(
      connectPacket({ clientId: 'bench.1', username: 'bench', password: 'p', keepAliveSeconds: 60 }),
    );
    expect(packet).toMatchObject({ cmd: 'connect', clientId: 'bench.1', username: 'bench', keepalive: 60 });
    expect(packet).toMatchObject({ clean: true, protocolVersion: 4, password: Buffer.from('p') });
  });

  it('encode CONNECT without credentials', () => {
    const [packet] = decode(connectPacket({ clientId: 'x', keepAliveSeconds: 1 }));
    expect(packet).toMatchObject({ cmd: 'connect', clientId: 'x' });
    expect(packet).not.toHaveProperty('username');
  });

  it('encode SUBSCRIBE', () => {
    const [packet] = decode(subscribePacket(7, 'bench/commands/+', 1));
    expect(packet).toMatchObject({
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [{ topic: 'bench/commands/+', qos: 1 }],
    });
  });

  it.each([0, 1] as const)('encode PUBLISH at QoS %i', (qos) => {
    const [packet] = decode(publishPacket('a/b/c', Buffer.from('{"light":1}'), qos, 513));
    expect(packet).toMatchObject({ cmd: 'publish', topic: 'a/b/c', qos, retain: false, dup: false });
    expect(packet).toHaveProperty('payload', Buffer.from('{"light":1}'));
    if (qos === 1) expect(packet).toHaveProperty('messageId', 513);
  });

  it('encode a PUBLISH with a length of several bytes', () => {
    const payload = Buffer.alloc(20_000, 'x');
    expect(decode(publishPacket('t', payload, 0))[0]).toHaveProperty('payload', payload);
  });

  it('encode several PUBACKs in one buffer', () => {
    expect(decode(pubackPackets([1, 65_535]))).toMatchObject([
      { cmd: 'puback', messageId: 1 },
      { cmd: 'puback', messageId: 65_535 },
    ]);
  });
});

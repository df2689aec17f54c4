import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { encodePubacks, encodePublish, FrameReader, MalformedPacket } from './frames.js';

const MAX_BYTES = 300_000;
const V5 = { protocolVersion: 5 };

/** Parses bytes in pieces of the given sizes. */
function read(bytes: Buffer, sizes: number[] = []) {
  const seen: { publish: object[]; puback: [number, number][]; other: Buffer[] } = {
    publish: [],
    puback: [],
    other: [],
  };
  const reader = new FrameReader(
    {
      publish: (topic, payload, qos, packetId, traceparent, delivery) =>
        seen.publish.push({ topic, payload: Buffer.from(payload), qos, packetId, traceparent, delivery }),
      puback: (id, code) => seen.puback.push([id, code]),
      other: (packet) => seen.other.push(Buffer.from(packet)),
    },
    MAX_BYTES,
  );
  let at = 0;
  for (const size of sizes) {
    reader.push(bytes.subarray(at, at + size));
    at += size;
  }
  reader.push(bytes.subarray(at));
  return seen;
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const traceparent = fc.option(fc.constant(TRACEPARENT), { nil: undefined });

const publish = fc.record({
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  payload: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  qos: fc.constantFrom(0 as const, 1 as const),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  retain: fc.boolean(),
  isRepeated: fc.boolean(),
  expiry: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
  traceparent,
});

describe('frames', () => {
  it('parses packets of another implementation, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(publish, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 60 })),
        (packets, cuts) => {
          const bytes = Buffer.concat(
            packets.map(({ expiry, traceparent, isRepeated, ...packet }) =>
              mqttPacket.generate(
                {
                  cmd: 'publish',
                  dup: isRepeated && packet.qos > 0,
                  ...packet,
                  properties: {
                    ...(expiry !== undefined && { messageExpiryInterval: expiry }),
                    userProperties: {
                      from: 'test',
                      ...(traceparent !== undefined && { traceparent }),
                      to: 'test',
                    },
                  },
                },
                V5,
              ),
            ),
          );
          expect(read(bytes, cuts).publish).toEqual(
            packets.map(({ topic, payload, qos, messageId, traceparent, retain, isRepeated }) => ({
              topic,
              payload,
              qos,
              packetId: qos === 0 ? 0 : messageId,
              traceparent,
              delivery: retain ? 'retained' : isRepeated && qos > 0 ? 'repeated' : 'live',
            })),
          );
        },
      ),
    );
  });

  it('encodes packets that another implementation can parse', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
        fc.string({ unit: 'grapheme', maxLength: 20_000 }),
        fc.integer({ min: 1, max: 0xffff_ffff }),
        traceparent,
        fc.boolean(),
        (id, topic, payload, expiry, traceparent, isRetained) => {
          const parser = mqttPacket.parser(V5);
          let parsed: unknown;
          parser.on('packet', (packet) => {
            parsed = packet;
          });
          parser.parse(encodePublish(id, topic, payload, expiry, traceparent, isRetained));
          expect(parsed).toMatchObject({
            cmd: 'publish',
            qos: 1,
            retain: isRetained,
            dup: false,
            messageId: id,
            topic,
            payload: Buffer.from(payload),
            properties: {
              messageExpiryInterval: expiry,
              ...(traceparent !== undefined && { userProperties: { traceparent } }),
            },
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['in upper case', TRACEPARENT.toUpperCase()],
    ['too short', TRACEPARENT.slice(1)],
    ['too long', `${TRACEPARENT}0`],
    ['of zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`],
  ])('ignores an invalid traceparent: %s', (_, text) => {
    const properties = { userProperties: { traceparent: text } };
    const packet = {
      cmd: 'publish',
      topic: 't',
      payload: TRACEPARENT,
      qos: 0,
      dup: false,
      retain: false,
    } as const;
    const [seen] = read(mqttPacket.generate({ ...packet, properties }, V5)).publish;
    expect(seen).toMatchObject({ topic: 't', traceparent: undefined });
  });

  it('encodes several PUBACKs for one write', () => {
    expect(read(encodePubacks([1, 255, 256, 65_535])).puback).toEqual([
      [1, 0],
      [255, 0],
      [256, 0],
      [65_535, 0],
    ]);
    expect(read(encodePubacks([1, 300], 0x97)).puback).toEqual([
      [1, 0x97],
      [300, 0x97],
    ]);
  });

  it('parses the reason code of a PUBACK', () => {
    const bytes = mqttPacket.generate({ cmd: 'puback', messageId: 7, reasonCode: 16 }, V5);
    expect(read(bytes).puback).toEqual([[7, 16]]);
  });

  it('passes all other packets unchanged', () => {
    const others = [
      mqttPacket.generate({ cmd: 'pingresp' }, V5),
      mqttPacket.generate({ cmd: 'suback', messageId: 3, granted: [1] }, V5),
      mqttPacket.generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false }, V5),
    ];
    expect(read(Buffer.concat(others), [1, 2, 3]).other).toEqual(others);
  });

  it.each([
    ['a length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a packet over the limit', [0x30, 0xff, 0xff, 0xff, 0x7f]],
    ['a PUBLISH that ends within its properties', [0x30, 0x06, 0, 1, 0x61, 0x20, 0, 0]],
    ['a PUBLISH without properties', [0x30, 0x03, 0, 1, 0x61]],
  ])('rejects %s', (_what, bytes) => {
    expect(() => read(Buffer.from(bytes))).toThrow(MalformedPacket);
  });

  it('throws only MalformedPacket on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedPacket);
        }
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { parseTelemetry } from '@lamplighter/contracts/telemetry/reading';
import { parseTopic } from '@lamplighter/contracts/topics';
import { PacketReader } from '../wire/packet-reader.js';
import { deviceIndex, deviceName, Readings } from './readings.js';

const NOW = 1_763_812_345_678;

function decode(packet: Buffer) {
  const found: { topic: string; device: number; payload: Buffer; packetId: number }[] = [];
  new PacketReader({
    publish: ({ chunk, topicStart, topicEnd, payloadStart, payloadEnd, packetId }) =>
      found.push({
        topic: chunk.toString('utf8', topicStart, topicEnd),
        device: deviceIndex(chunk, topicEnd),
        payload: chunk.subarray(payloadStart, payloadEnd),
        packetId,
      }),
    puback: () => undefined,
    control: () => undefined,
  }).read(packet);
  return found[0]!;
}

describe.each([0, 1] as const)('readings at QoS %i', (qos) => {
  const readings = new Readings('bench', 3, qos, NOW);
  const next = (device: number, dark: boolean, at = NOW, packetId = 1) => {
    const target = Buffer.alloc(readings.packetBytes + 5);
    readings.write(target, 5, device, dark, at, packetId);
    return decode(target.subarray(5));
  };

  it('are valid telemetry on the topic of their device', () => {
    const { topic, device, payload, packetId } = next(2, true, NOW + 42, 777);
    expect(parseTopic(topic)).toMatchObject({ fleet: 'bench', kind: 'telemetry', device: deviceName(2) });
    expect([device, packetId]).toEqual([2, qos === 0 ? 0 : 777]);
    const { readings: parsed, rejected } = parseTelemetry(payload, NOW);
    expect(rejected).toEqual([]);
    expect(parsed[0]!.reading).toEqual({
      light: expect.any(Number),
      _seq: readings.lastSeq(2),
      _at: NOW + 42,
    });
  });

  it('are below 300 when dark, above 330 when bright, and vary', () => {
    const light = (dark: boolean) => JSON.parse(next(0, dark).payload.toString()).light as number;
    const dark = Array.from({ length: 200 }, () => light(true));
    const bright = Array.from({ length: 200 }, () => light(false));
    expect(Math.max(...dark)).toBeLessThan(300);
    expect(Math.min(...bright)).toBeGreaterThan(330);
    expect(new Set(dark).size).toBeGreaterThan(50);
  });

  it('have a sequence that grows by one per device, and from run to run', () => {
    const seq = () => (JSON.parse(next(1, false).payload.toString()) as { _seq: number })._seq;
    const first = seq();
    expect(seq()).toBe(first + 1);
    expect(new Readings('bench', 3, qos, NOW + 1).lastSeq(1)).toBeGreaterThan(first + 1);
  });
});

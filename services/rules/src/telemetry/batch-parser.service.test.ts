import type { DeclaredType } from '@lamplighter/contracts/telemetry/declared-types';
import { DeviceCache } from '../cache/device-cache.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { RejectedService } from '../rejected/rejected.service.js';
import { BatchParser } from './batch-parser.service.js';
import type { DeclaredTypes } from './declared-types.service.js';

const NOW = 1_800_000_000_000;

function message(device: string, payload: unknown, more: Partial<MqttMessage> = {}): MqttMessage {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return {
    topic: `demo/telemetry/${device}`,
    payload: Buffer.from(text),
    delivery: 'live',
    arrivedAt: 7,
    ...more,
  } as MqttMessage;
}

function parse(messages: readonly MqttMessage[], declared?: readonly DeclaredType[]) {
  const metrics = new RulesMetrics('rules', 'test');
  const reports: string[] = [];
  const rejected = {
    reject: (_kind: string, reason: string, { topic }: MqttMessage) =>
      reports.push(`rejected ${topic}: ${reason}`),
    suspect: (_kind: string, reason: string, { topic }: MqttMessage) =>
      reports.push(`suspected ${topic}: ${reason}`),
  } as unknown as RejectedService;
  const types = { of: () => declared } as unknown as DeclaredTypes;
  const parser = new BatchParser(new DeviceCache(), metrics, rejected, types);
  const batch = parser.parse(messages, NOW);
  const work = [...batch.pending].map(([{ address }, readings]) => [address.device, readings] as const);
  const counted = async () => {
    const { values } = await metrics.rejected.get();
    return Object.fromEntries(
      values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.reason, value]),
    );
  };
  return { work: new Map(work), rejectedByDevice: [...batch.rejected.values()], reports, counted };
}

describe('BatchParser', () => {
  it('groups readings by device in the order of arrival', () => {
    const { work } = parse([
      message('a', { light: 1 }),
      message('b', { light: 2 }),
      message('a', { light: 3 }),
    ]);
    expect([...work.keys()]).toEqual(['a', 'b']);
    expect(work.get('a')!.map(({ reading }) => reading.light)).toEqual([1, 3]);
  });

  it('marks all readings of a message but the last as replayed', () => {
    const { work } = parse([message('a', [{ light: 1 }, { light: 2 }, { light: 3 }])]);
    expect(work.get('a')!.map(({ isReplayed }) => isReplayed)).toEqual([true, true, false]);
  });

  it('takes order, age and trace context from the reading and its message', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const reading = { light: 1, _seq: 4, _at: NOW - 2000 };
    const [parsed] = parse([message('a', reading, { delivery: 'retained', traceparent })]).work.get('a')!;
    expect(parsed).toMatchObject({
      seq: 4,
      at: NOW - 2000,
      ageMs: 2000,
      isRetained: true,
      arrivedAt: 7,
      traceparent,
    });
  });

  it('treats a time in the future as age 0', () => {
    const [reading] = parse([message('a', { light: 1, _at: NOW + 1000 })]).work.get('a')!;
    expect(reading!.ageMs).toBe(0);
  });

  it('counts each rejected reading and reports its message once', async () => {
    const payload = [
      { light: 1, _seq: 1 },
      { light: 2, _seq: 2, _at: 5 },
      { _seq: 3, _at: 5 },
    ];
    const { work, rejectedByDevice, reports, counted } = parse([message('a', payload)]);
    expect(work.get('a')!.map(({ seq }) => seq)).toEqual([1]);
    expect(rejectedByDevice).toMatchObject([{ seqs: [2, 3] }]);
    expect(await counted()).toEqual({ clock: 2 });
    expect(reports).toHaveLength(1);
  });

  it('rejects messages whose topic names no device', async () => {
    const { work, rejectedByDevice, reports, counted } = parse([
      message('a', { light: 1 }, { topic: 'demo/telemetry/a/b' }),
    ]);
    expect([work.size, rejectedByDevice]).toEqual([0, []]);
    expect(reports).toEqual(['rejected demo/telemetry/a/b: sub_topic']);
    expect(await counted()).toEqual({ sub_topic: 1 });
  });

  it('accepts but reports integers beyond 2^53', () => {
    const { work, reports } = parse([message('a', '{"serial":9007199254740993}')]);
    expect([work.get('a')!.length, reports]).toEqual([1, ['suspected demo/telemetry/a: inexact']]);
  });

  it('accepts but reports values of a different type than the fleet declares', () => {
    const declared = [{ name: 'light', type: 'number' }] as const;
    const { work, reports } = parse([message('a', { light: 'dark' }), message('b', { light: 3 })], declared);
    expect([work.size, reports]).toEqual([2, ['suspected demo/telemetry/a: type']]);
  });
});

import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { KnownDevice } from '../cache/known-device.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttTransport } from '../mqtt/mqtt-transport.js';
import { Receipts } from './receipts.js';
import { ReceiptsService } from './receipts.service.js';

/** Sends receipts to a broker that accepts only the first messages. */
async function send(receipts: Receipts, accepted = Number.POSITIVE_INFINITY) {
  const metrics = new RulesMetrics('rules', 'test');
  const sent: { topic: string; receipt: { stored: number[]; refused?: number[] } }[] = [];
  const publishQos0 = (_link: string, topic: string, payload: string) =>
    sent.length < accepted && sent.push({ topic, receipt: JSON.parse(payload) }) > 0;
  new ReceiptsService({ publishQos0 } as unknown as MqttTransport, metrics).send({ receipts, storedAt: 0 });
  const { values } = await metrics.receipts.get();
  return { sent, counts: Object.fromEntries(values.map(({ labels, value }) => [labels.result, value])) };
}

const device = (name: string, expectsReceipts = true) =>
  ({ address: { fleet: 'demo', device: name }, expectsReceipts }) as unknown as KnownDevice;

describe('ReceiptsService', () => {
  it('sends stored and rejected sequence numbers to the devices that expect receipts', async () => {
    const receipts = new Receipts();
    const lamp = device('lamp');
    receipts.add(lamp, 'stored', 1);
    receipts.add(lamp, 'refused', 2);
    receipts.add(lamp, 'stored', undefined);
    receipts.add(device('simple', false), 'stored', 3);
    const { sent, counts } = await send(receipts);
    expect(sent).toEqual([
      { topic: 'demo/receipts/lamp', receipt: { stored: [1] } },
      { topic: 'demo/receipts/lamp', receipt: { stored: [], refused: [2] } },
    ]);
    expect(counts).toEqual({ stored: 1, refused: 1, dropped: 0 });
  });

  it('splits long receipts and counts dropped ones', async () => {
    const receipts = new Receipts();
    const lamp = device('lamp');
    for (let seq = 0; seq < BOUNDS.maxReceipt + 5; seq += 1) receipts.add(lamp, 'stored', seq);
    const { sent, counts } = await send(receipts, 1);
    expect(sent.map(({ receipt }) => receipt.stored.length)).toEqual([BOUNDS.maxReceipt]);
    expect(counts).toEqual({ stored: BOUNDS.maxReceipt, refused: 0, dropped: 5 });
  });
});

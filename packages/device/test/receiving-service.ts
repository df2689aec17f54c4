import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestBroker, TestFleet } from '@lamplighter/test-kit/servers/broker';
import { connectAsync } from 'mqtt';

/** A minimal service: stores the telemetry of a device and sends receipts. */
export interface ReceivingService {
  /** The readings of each telemetry message so far. */
  readonly messages: readonly Reading[][];
  /** `_seq` of all stored readings. */
  readonly stored: ReadonlySet<number>;
  /** For each further message: a receipt, none, two, or a receipt that rejects its readings permanently. */
  receipts: 'given' | 'lost' | 'twice' | 'rejecting';
  /** Sends a receipt unchanged. */
  sendReceipt(receipt: object): Promise<void>;
  /** The reading with the highest `_n`, which has the latest counts of the device. */
  last(): Reading;
}

/** Connects the service; it reconnects automatically. */
export async function receivingService(
  broker: TestBroker,
  fleet: TestFleet,
  device: string,
): Promise<ReceivingService> {
  const client = await connectAsync(broker.rulesUrl, { protocolVersion: 5, reconnectPeriod: 30 });
  client.on('error', () => {});
  closeLater('receiving service', () => client.endAsync(true));
  const messages: Reading[][] = [];
  const stored = new Set<number>();
  const sendReceipt = async (receipt: object) => {
    await client.publishAsync(deviceTopic(fleet.name, 'receipts', device), JSON.stringify(receipt), {
      qos: 0,
    });
  };
  const service: ReceivingService = {
    messages,
    stored,
    receipts: 'given',
    sendReceipt,
    last: () => messages.flat().reduce((a, b) => ((b._n ?? 0) > (a._n ?? 0) ? b : a), {}),
  };
  client.on('message', (_topic, payload) => {
    const value = JSON.parse(payload.toString()) as Reading | Reading[];
    const readings = Array.isArray(value) ? value : [value];
    messages.push(readings);
    const seqs = readings.map(({ _seq = 0 }) => _seq);
    if (service.receipts === 'rejecting') return void sendReceipt({ stored: [], refused: seqs });
    for (const seq of seqs) stored.add(seq);
    if (service.receipts !== 'lost') void sendReceipt({ stored: seqs });
    if (service.receipts === 'twice') void sendReceipt({ stored: seqs });
  });
  await client.subscribeAsync(deviceTopic(fleet.name, 'telemetry', device), { qos: 1 });
  return service;
}

import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestBroker, TestFleet } from '@lamplighter/test-kit/servers/broker';
import { connectAsync } from 'mqtt';

/** The service's side of telemetry, as simple as it can be: it stores what comes, and gives receipts if it is told to. */
export interface ReceivingService {
  /** Telemetry messages so far, each as the readings in it. */
  readonly messages: readonly Reading[][];
  /** `_seq` of everything stored. */
  readonly stored: ReadonlySet<number>;
  /** From now on: a receipt for each message; none; two of each; or the word that it will never take it. */
  receipts: 'given' | 'lost' | 'twice' | 'refusing';
  /** Sends a receipt as it is. */
  say(receipt: object): Promise<void>;
  /** The latest reading with the highest `_n`: what the device says of itself. */
  last(): Reading;
}

/** Connects it; it comes back by itself when the broker does. */
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
  const say = async (receipt: object) => {
    await client.publishAsync(deviceTopic(fleet.name, 'receipts', device), JSON.stringify(receipt), {
      qos: 0,
    });
  };
  const service: ReceivingService = {
    messages,
    stored,
    receipts: 'given',
    say,
    last: () => messages.flat().reduce((a, b) => ((b._n ?? 0) > (a._n ?? 0) ? b : a), {}),
  };
  client.on('message', (_topic, payload) => {
    const value = JSON.parse(payload.toString()) as Reading | Reading[];
    const readings = Array.isArray(value) ? value : [value];
    messages.push(readings);
    const seqs = readings.map(({ _seq = 0 }) => _seq);
    if (service.receipts === 'refusing') return void say({ stored: [], refused: seqs });
    for (const seq of seqs) stored.add(seq);
    if (service.receipts !== 'lost') void say({ stored: seqs });
    if (service.receipts === 'twice') void say({ stored: seqs });
  });
  await client.subscribeAsync(deviceTopic(fleet.name, 'telemetry', device), { qos: 1 });
  return service;
}

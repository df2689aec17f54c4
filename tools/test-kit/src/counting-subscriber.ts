import { connectAsync } from 'mqtt';
import { closeLater } from './resources.js';

/** A client that counts the messages it receives, as a logger or a bridge would receive them. */
export interface CountingSubscriber {
  readonly received: number;
}

/**
 * Subscribes to a filter. Reconnects automatically, and disconnects at the end of the test. The URL holds the credentials.
 */
export async function startCountingSubscriber(url: string, filter: string): Promise<CountingSubscriber> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 500 });
  client.on('error', () => {}); // the client reconnects
  const subscriber = { received: 0 };
  client.on('message', () => {
    subscriber.received += 1;
  });
  closeLater(`subscriber of ${filter}`, () => client.endAsync(true));
  await client.subscribeAsync(filter, { qos: 1 });
  return subscriber;
}

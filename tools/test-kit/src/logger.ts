import { connectAsync } from 'mqtt';
import { closeLater } from './resources.js';

/** A client that reads along. */
export interface Logger {
  /** How many messages it was sent. */
  readonly heard: number;
}

/**
 * Subscribes to a filter and only counts what comes, as a logger or a bridge does. It connects again by itself, and disconnects at the
 * end of the test. The URL holds the credentials.
 */
export async function startLogger(url: string, filter: string): Promise<Logger> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 500 });
  client.on('error', () => {}); // it tries again
  const logger = { heard: 0 };
  client.on('message', () => {
    logger.heard += 1;
  });
  closeLater(`logger of ${filter}`, () => client.endAsync(true));
  await client.subscribeAsync(filter, { qos: 1 });
  return logger;
}

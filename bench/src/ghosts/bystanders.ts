import { connectAsync, type IClientOptions } from 'mqtt';
import { FLEET } from './design.js';

const ALL_COMMANDS = `${FLEET}/commands/#`;
const A_DAY = 86_400;

/** Sessions that the broker keeps for clients that are gone, as either protocol version asks for them. */
const LEFT_BEHIND: readonly IClientOptions[] = [
  { clientId: 'left-behind-4', protocolVersion: 4, clean: false },
  {
    clientId: 'left-behind-5',
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: A_DAY },
  },
];

/**
 * Subscribers of all command topics that are no devices: a logger, and persistent sessions without a client. With them the broker
 * never says that nobody subscribes to a command. Settles when they have subscribed.
 * @returns ends the logger
 */
export async function addBystanders(url: string): Promise<() => Promise<void>> {
  for (const options of LEFT_BEHIND) {
    const client = await connectAsync(url, { ...options, reconnectPeriod: 0 });
    await client.subscribeAsync(ALL_COMMANDS, { qos: 1 });
    await client.endAsync();
  }
  const logger = await connectAsync(url, { clientId: 'logger', reconnectPeriod: 500 });
  logger.on('error', () => {}); // it tries again
  await logger.subscribeAsync(ALL_COMMANDS, { qos: 1 });
  return () => logger.endAsync(true);
}

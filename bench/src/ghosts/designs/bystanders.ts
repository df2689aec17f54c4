import { connectAsync, type IClientOptions } from 'mqtt';
import { FLEET } from './design.js';

const ALL_COMMANDS = `${FLEET}/commands/#`;
const A_DAY = 86_400;

/** Persistent sessions without clients, in both protocol versions. */
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
 * Adds subscribers to all command topics that are not devices: a logger, and persistent sessions without a client. The broker then never
 * reports a command without subscribers.
 * @returns stops the logger
 */
export async function addBystanders(url: string): Promise<() => Promise<void>> {
  for (const options of LEFT_BEHIND) {
    const client = await connectAsync(url, { ...options, reconnectPeriod: 0 });
    await client.subscribeAsync(ALL_COMMANDS, { qos: 1 });
    await client.endAsync();
  }
  const logger = await connectAsync(url, { clientId: 'logger', reconnectPeriod: 500 });
  logger.on('error', () => {}); // MQTT.js reconnects
  await logger.subscribeAsync(ALL_COMMANDS, { qos: 1 });
  return () => logger.endAsync(true);
}

import { existsSync, readFileSync } from 'node:fs';
import { acceptsAccount } from './mosquitto.js';

/**
 * Disconnects the clients of an account whose certificate was revoked: the broker checks certificates only when a client connects. It closes
 * the connection of a client id when another client connects with that id, and its log names the ids of an account.
 */
export async function disconnectAccount(
  account: string,
  broker: {
    /** The services' listener, and the password of rules. */
    readonly port: number;
    readonly password: string;
    readonly logFile: string;
  },
): Promise<void> {
  const log = [`${broker.logFile}.1`, broker.logFile]
    .map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''))
    .join('');
  for (const clientId of clientIdsOf(account, log))
    await acceptsAccount(broker.port, 'rules', broker.password, clientId);
}

/** The client ids with which an account has connected, from the log of the broker. */
function clientIdsOf(account: string, log: string): Set<string> {
  const lines = log.matchAll(/: New client connected from \S+ as (.+) \(p\d, c\d, k\d+, u'(.+)'\)\.$/gm);
  return new Set([...lines].filter(([, , user]) => user === account).map(([, clientId = '']) => clientId));
}

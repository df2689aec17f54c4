import { secretName } from './share-group.js';

/**
 * The client id of the session that the broker keeps for a single replica. Mosquitto gives a session to any account that connects with its
 * client id, and discards what is queued in it. The id is therefore derived from the service's broker password and must not be shown. With another
 * password the next start begins another session.
 */
export function durableClientId(mqttUrl: string): string {
  return secretName(mqttUrl, 'lamplighter-rules-durable', 'durable session');
}

/** The ids of the rules service, which are not shown: a client that knows one can disconnect the service. */
const OWN_ID = /\blamplighter-rules-[\w-]+/g;

/** A text without the client ids of the rules service. */
export function withoutClientIds(text: string): string {
  return text.replaceAll(OWN_ID, 'lamplighter-rules-…');
}

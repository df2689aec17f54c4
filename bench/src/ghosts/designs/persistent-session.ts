import type { BrokerSettings } from '../../testbed/stock-broker.js';
import type { Design } from './design.js';
import { publishCommands } from './published-commands.js';

const A_WEEK = 7 * 86_400;

/** The device has a persistent session with a subscription at QoS 1; the broker queues while it is offline. */
export function persistentSession(broker: BrokerSettings, explanation: string): Design {
  const { persistence = false, maxQueued } = broker;
  const queue = maxQueued === undefined ? '1000 (default)' : maxQueued;
  return {
    name: `persistent session, queue of ${queue}${persistence ? ', broker persists' : ''}`,
    explanation,
    broker,
    start: ({ url }) => publishCommands(url, { retain: false }, A_WEEK),
  };
}

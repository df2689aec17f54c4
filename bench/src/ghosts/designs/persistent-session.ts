import type { Design } from '../design.js';
import type { BrokerSettings } from '../stock-broker.js';
import { publishCommands } from './published-commands.js';

const A_WEEK = 7 * 86_400;

/** The device subscribes at QoS 1 and keeps its session; the broker queues for it while it is away. */
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

import type { InputReason } from '@lamplighter/contracts/telemetry/input-fault';

/** A connection that the broker closed because of its client. */
export interface ClosedConnection {
  readonly reason: Extract<InputReason, 'takeover' | 'too_large' | 'protocol'>;
  /** The client id. */
  readonly client: string;
  readonly problem: string;
}

/**
 * Log lines of Mosquitto 2; later versions add the address in brackets, and 2.1 a colon. Clients choose their ids, which may contain any of
 * these texts, so only the end of the line is matched.
 */
const LINES: readonly [line: RegExp, reason: ClosedConnection['reason'], problem: string][] = [
  [
    /Client (.+?)(?: \[[^ ]*\])? already connected, closing old connection\.$/s,
    'takeover',
    'a second client connected with this client id, so the broker closed the first connection; each device needs its own id',
  ],
  [
    /Client (.+?)(?: \[[^ ]*\])? disconnected(?: due to|:) (?:oversize packet|packet too large)\.$/s,
    'too_large',
    'the client sent a packet of more than 300,000 bytes (max_packet_size), so the broker closed the connection',
  ],
  [
    /Client (.+?)(?: \[[^ ]*\])? disconnected(?: due to|:) (?:malformed packet|protocol error)\.$/s,
    'protocol',
    'the client sent a packet that is not valid MQTT, so the broker closed the connection',
  ],
];

/** Parses a line of the broker's log; undefined if it is about something else. */
export function closedConnection(line: string): ClosedConnection | undefined {
  for (const [pattern, reason, problem] of LINES) {
    const client = pattern.exec(line)?.[1];
    if (client !== undefined) return { reason, client, problem };
  }
  return undefined;
}

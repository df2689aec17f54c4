import type { InputReason } from '@lamplighter/contracts/telemetry/input-fault';

/** A connection that the broker closed because of what its client did. */
export interface ClosedConnection {
  readonly reason: Extract<InputReason, 'takeover' | 'too_large' | 'protocol'>;
  /** The client id. */
  readonly client: string;
  readonly problem: string;
}

/**
 * What Mosquitto 2 writes; later versions add the address in brackets, and 2.1 a colon. A client chooses its id, so it may hold any of
 * these texts: only the end of the line counts.
 */
const LINES: readonly [line: RegExp, reason: ClosedConnection['reason'], problem: string][] = [
  [
    /Client (.+?)(?: \[[^ ]*\])? already connected, closing old connection\.$/s,
    'takeover',
    'a second client connected with this client id, so the broker closed the first connection; each device needs an id of its own',
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

/** Reads a line of the broker's log; undefined if it tells of no such connection. */
export function closedConnection(line: string): ClosedConnection | undefined {
  for (const [pattern, reason, problem] of LINES) {
    const client = pattern.exec(line)?.[1];
    if (client !== undefined) return { reason, client, problem };
  }
  return undefined;
}

/** The counters of a socket. */
export interface CountedSocket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Without a packet for longer than this the radio is assumed to sleep, milliseconds. */
export const DEFAULT_RADIO_GAP_MS = 1000;

/**
 * Radio use of a device: MQTT bytes in each direction, counted at its sockets (below TLS), and wake-ups. A wake-up is the first packet
 * in either direction after a gap. One instance can count across connections and restarts of the device program.
 */
export class Traffic {
  wakeUps = 0;
  private lastPacketAt = Number.NEGATIVE_INFINITY;
  private socket: CountedSocket | undefined;
  /** Sums of earlier connections. */
  private readonly before = { sent: 0, received: 0 };

  /** @param clock monotonic, milliseconds */
  constructor(
    private readonly gapMs = DEFAULT_RADIO_GAP_MS,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  get bytesSent(): number {
    return this.before.sent + (this.socket?.bytesWritten ?? 0);
  }

  get bytesReceived(): number {
    return this.before.received + (this.socket?.bytesRead ?? 0);
  }

  /** Starts counting a new connection. */
  open(socket: CountedSocket): void {
    this.before.sent = this.bytesSent;
    this.before.received = this.bytesReceived;
    this.socket = socket;
  }

  /** Records a sent or received packet. */
  recordPacket(): void {
    const now = this.clock();
    if (now - this.lastPacketAt > this.gapMs) this.wakeUps += 1;
    this.lastPacketAt = now;
  }
}

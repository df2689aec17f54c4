/** A socket as far as it is counted here. */
export interface CountedSocket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Without a packet for longer than this the radio is assumed to sleep, milliseconds. */
export const DEFAULT_RADIO_GAP_MS = 1000;

/**
 * What a device costs its radio: bytes of MQTT in each direction, counted at its sockets (below TLS, if there is any), and wake-ups. A
 * wake-up is the first packet in either direction after a gap without any. It outlives connections and restarts of the device's program.
 */
export class Traffic {
  wakeUps = 0;
  private lastPacketAt = Number.NEGATIVE_INFINITY;
  private socket: CountedSocket | undefined;
  /** Of the connections before the present one. */
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

  /** Counts another connection from now on. */
  open(socket: CountedSocket): void {
    this.before.sent = this.bytesSent;
    this.before.received = this.bytesReceived;
    this.socket = socket;
  }

  /** A packet is being sent or has been received. */
  notePacket(): void {
    const now = this.clock();
    if (now - this.lastPacketAt > this.gapMs) this.wakeUps += 1;
    this.lastPacketAt = now;
  }
}

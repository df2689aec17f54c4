/** A protocol with its settings, which carries readings from a device to its server and commands back. */
export interface Exchange {
  readonly name: string;
  /** Starts the server side. The device will connect to `devicePort`. */
  open(devicePort: number): Promise<Line>;
  /** The port of the server, to which the device's traffic is forwarded. */
  readonly serverPort: number;
}

/** A line between a device and its server. */
export interface Line {
  /** Connects the device and requests its commands. */
  connect(): Promise<void>;
  /** Sends a reading from the device; settles with the protocol's confirmation, if it has one. */
  send(reading: object): Promise<void>;
  /** Issues a command at the server. */
  issue(command: object): Promise<void>;
  /** Called for each command that the device receives. */
  onCommand: (command: Record<string, unknown>) => void;
  /** Number of readings that the server has received. */
  readings(): number;
  /** Discards the device's connection after it was cut. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

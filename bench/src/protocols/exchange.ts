/** One protocol, set up in one way, that carries readings from a device to its server and commands back. */
export interface Exchange {
  readonly name: string;
  /** Where the server side listens for the device; the device comes through `devicePort`. Settles when both may begin. */
  open(devicePort: number): Promise<Line>;
  /** The port that the device's traffic goes to. */
  readonly serverPort: number;
}

/** An open line between one device and its server. */
export interface Line {
  /** The device connects and asks for its commands. */
  connect(): Promise<void>;
  /** The device sends a reading, and has what the protocol gives as a sign that it arrived, if it gives any. */
  send(reading: object): Promise<void>;
  /** The server issues a command. */
  order(command: object): Promise<void>;
  /** Called for each command that reaches the device. */
  onCommand: (command: Record<string, unknown>) => void;
  /** Readings that have reached the server. */
  readings(): number;
  /** The device gives up a connection that was cut. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

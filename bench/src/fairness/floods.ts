/** What a hostile account sends, at full speed. */
export interface Flood {
  readonly name: string;
  readonly qos: number;
  /** Number of device names that it uses. */
  readonly devices: number;
  /** Sent again and again. Serialized for the child process. */
  readonly payload: Buffer;
  /** Packets per write. */
  readonly chunk?: number;
}

const READING = Buffer.from('{"light":412,"temperature":21.4}');
const REPLAY = Buffer.from(
  JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ light: i, text: 'x'.repeat(480) }))),
);

export const FLOODS: readonly Flood[] = [
  { name: 'one device, QoS 0', qos: 0, devices: 1, payload: READING },
  { name: 'one device, QoS 1', qos: 1, devices: 1, payload: READING },
  { name: 'one device, replays of 250 kB', qos: 1, devices: 1, payload: REPLAY, chunk: 1 },
  { name: 'a fleet of 1,000 devices', qos: 0, devices: 1000, payload: READING },
  { name: 'a fleet of 1,000,000 invented devices', qos: 0, devices: 1_000_000, payload: READING },
];

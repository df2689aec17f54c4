import type { Receipt } from '@lamplighter/contracts/telemetry/receipt';
import type { DeviceEvent, Drop, Settled } from '../device-event.js';
import type { Measurements, ReadingCount } from './reading-count.js';

/**
 * What became of a reading: `kept` in the outbox until the server has it (policy `keep`); `acknowledged` by the broker; `sent`
 * (QoS 0: nobody answers); `unknown`, the connection ended before the broker's answer; or dropped, and counted, here: see `Drop`.
 */
export type PublishOutcome = 'kept' | Settled | Drop;

/** A policy for readings; see docs/devices.md. */
export interface Telemetry {
  /** Readings that wait for a receipt. */
  readonly waiting: number;
  /** Never rejects. */
  publish(measurements: Measurements): Promise<PublishOutcome>;
  online(): void;
  offline(): void;
  receive(receipt: Receipt): void;
}

/** What a policy is given to work with. */
export interface TelemetryTools {
  readonly count: ReadingCount;
  readonly isOnline: () => boolean;
  /** Publishes a telemetry payload. `done` is called once. */
  readonly transmit: (payload: string, done: (outcome: Settled) => void) => void;
  readonly onEvent: (event: DeviceEvent) => void;
}

import type { Receipt } from '@lamplighter/contracts/telemetry/receipt';
import type { DeviceEvent, Drop, Settled } from '../device-event.js';
import type { Measurements, ReadingCount } from './reading-count.js';

/**
 * The outcome of publishing a reading: `kept` in the outbox (policy `keep`); `acknowledged` by the broker; `sent` (QoS 0, no PUBACK);
 * `refused` by the broker; `unknown`, the connection ended before the PUBACK; or the reason for which it was dropped and counted.
 */
export type PublishOutcome = 'kept' | Settled | Drop;

/** A telemetry policy; see docs/devices.md. */
export interface Telemetry {
  /** Readings waiting for a receipt. */
  readonly waiting: number;
  /** Never rejects. */
  publish(measurements: Measurements): Promise<PublishOutcome>;
  online(): void;
  offline(): void;
  receive(receipt: Receipt): void;
}

/** What a telemetry policy depends on. */
export interface TelemetryTools {
  readonly count: ReadingCount;
  readonly isOnline: () => boolean;
  /** Publishes a telemetry payload. Calls `done` once. */
  readonly transmit: (payload: string, done: (outcome: Settled) => void) => void;
  readonly onEvent: (event: DeviceEvent) => void;
}

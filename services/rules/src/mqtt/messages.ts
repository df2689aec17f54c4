import type { Delivery } from './frames.js';
import type { PublishTap } from './publish-tap.js';

/** A message from the broker. Its handler ends with `MqttLink.acknowledge`. */
export interface MqttMessage {
  readonly topic: string;
  /** A view into the bytes of the socket. */
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly packetId: number;
  readonly delivery: Delivery;
  /** The trace context it carries. */
  readonly traceparent: string | undefined;
  /** Monotonic time of arrival, milliseconds (performance.now). */
  readonly takenAt: number;
  /** The connection that delivered it; its PUBACK may not go to another. */
  readonly connection: PublishTap;
}

/** The broker's MQTT 5 reason code for a publish, or `lost` if the connection ended first. */
export type PublishOutcome = number | 'lost';

/** Callbacks of a link. State changes are reported once each. */
export interface LinkEvents {
  onMessage(message: MqttMessage): void;
  /** All messages of one read have been handed over. */
  afterRead(): void;
  onUp(): void;
  /** `isRefused`: the broker rejects the service, which an operator must fix. */
  onDown(reason: string, isRefused: boolean): void;
}

/** A topic filter, and whether the broker sends retained messages for it. */
export interface Filter {
  readonly filter: string;
  readonly includesRetained: boolean;
}

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  readonly filters: readonly Filter[];
  /** False keeps the session at the broker while the service is down. */
  readonly clean: boolean;
}

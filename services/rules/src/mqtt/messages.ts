import type { Delivery } from './frames.js';
import type { PublishTap } from './publish-tap.js';

/** A message from the broker, in flight until `MqttLink.acknowledge`. */
export interface MqttMessage {
  readonly topic: string;
  /** A view of the bytes from the socket. */
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly packetId: number;
  readonly delivery: Delivery;
  /** Trace context from the user properties. */
  readonly traceparent: string | undefined;
  /** Monotonic time of arrival, milliseconds (performance.now). */
  readonly arrivedAt: number;
  /** The connection that delivered it; the PUBACK must not be sent on another one. */
  readonly connection: PublishTap;
}

/** The reason code of the PUBACK, or `lost` if the connection ended first. */
export type PublishOutcome = number | 'lost';

/** Callbacks of a link. Each state change is reported once. */
export interface LinkEvents {
  onMessage(message: MqttMessage): void;
  /** All messages of one read have been passed to `onMessage`. */
  afterRead(): void;
  onUp(): void;
  /** `isRefused`: the broker refused the connection or a subscription, which an operator must fix. */
  onDown(reason: string, isRefused: boolean): void;
}

/** A topic filter, and whether to request retained messages. */
export interface Filter {
  readonly filter: string;
  readonly includesRetained: boolean;
}

export interface LinkOptions {
  readonly url: string;
  /** For `mqtts://`: the certificate authority of the broker, PEM. */
  readonly ca?: string | undefined;
  readonly clientId: string;
  readonly filters: readonly Filter[];
  /** False: the broker keeps the session while the service is down. */
  readonly clean: boolean;
}

/**
 * The bounds of everything that crosses the wire. Whatever exceeds one is refused with a reason, never truncated.
 */
export const BOUNDS = {
  /** Largest MQTT payload that is looked at, bytes. A replay of 500 readings fits. */
  maxPayloadBytes: 262_144,
  /** Largest MQTT packet that the broker takes, bytes (`max_packet_size` in mosquitto/conf.d/limits.conf); a larger one ends the connection. */
  maxPacketBytes: 300_000,
  /** Largest single reading, bytes of JSON text. */
  maxReadingBytes: 16_384,
  /** Most readings in one replay (an array on the telemetry topic). */
  maxReplay: 500,
  /** Most keys of one object, and most items of one array, in a reading. */
  maxKeys: 64,
  /** Longest name of a measurement, at any depth, characters. */
  maxNameLength: 64,
  /** Longest string value of a measurement, characters. */
  maxStringLength: 1024,
  /** Deepest nesting of a reading; the reading itself is level 1. */
  maxDepth: 4,
  /** A device clock may run ahead of ours by this, milliseconds. */
  maxClockAheadMs: 5 * 60_000,
  /** A replayed reading may be this old, milliseconds. */
  maxClockBehindMs: 30 * 24 * 3_600_000,
  /** Largest action of a command, bytes of JSON text. */
  maxActionBytes: 4096,
  /** Deepest nesting of one value in an action, and of a device's result. */
  maxJsonDepth: 8,
  /** Largest result that a device may answer with, bytes of JSON text. */
  maxResultBytes: 65_536,
  /** Longest reason that a device may give, characters. */
  maxReasonLength: 256,
  /** Shortest and longest time to live of a command, milliseconds. */
  minTtlMs: 1000,
  maxTtlMs: 30 * 24 * 3_600_000,
  /** Most readings that one receipt answers for. */
  maxReceipt: 2000,
  /** Shortest and longest time between two reports that a device may announce (`sleeps`, `reports`), milliseconds. */
  minSleepMs: 1000,
  maxSleepMs: 7 * 24 * 3_600_000,
  /** Shortest and longest absence after which a device may ask to be removed, milliseconds. */
  minForgetMs: 1000,
  maxForgetMs: 365 * 24 * 3_600_000,
} as const;

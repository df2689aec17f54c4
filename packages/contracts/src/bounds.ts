/** The bounds of the wire contract. Input beyond a bound is rejected with a reason, never truncated. */
export const BOUNDS = {
  /** Largest MQTT payload that is parsed, bytes. A replay of 500 readings fits. */
  maxPayloadBytes: 262_144,
  /** Largest MQTT packet that the broker accepts, bytes (`max_packet_size` in mosquitto/conf.d/limits.conf); a larger one ends the connection. */
  maxPacketBytes: 300_000,
  /** Largest single reading, bytes of JSON text. */
  maxReadingBytes: 16_384,
  /** Maximum number of readings in one replay (an array on the telemetry topic). */
  maxReplay: 500,
  /** Maximum number of keys of one object, and of items of one array, in a reading. */
  maxKeys: 64,
  /** Longest name of a measurement, at any depth, characters. */
  maxNameLength: 64,
  /** Longest string value of a measurement, characters. */
  maxStringLength: 1024,
  /** Deepest nesting of a reading; the reading itself is level 1. */
  maxDepth: 4,
  /** How far a device clock can be ahead of the server's, milliseconds. */
  maxClockAheadMs: 5 * 60_000,
  /** Maximum age of a replayed reading, milliseconds. */
  maxClockBehindMs: 30 * 24 * 3_600_000,
  /** Largest action of a command, bytes of JSON text. */
  maxActionBytes: 4096,
  /** Deepest nesting of one value in an action, and of a device's result. */
  maxJsonDepth: 8,
  /** Largest result of an acknowledgement, bytes of JSON text. */
  maxResultBytes: 65_536,
  /** Longest reason of an acknowledgement, characters. */
  maxReasonLength: 256,
  /** Shortest and longest time to live of a command, milliseconds. */
  minTtlMs: 1000,
  maxTtlMs: 30 * 24 * 3_600_000,
  /** Maximum number of readings in one receipt. */
  maxReceipt: 2000,
  /** Shortest and longest `sleeps` and `reports` of a birth, milliseconds. */
  minSleepMs: 1000,
  maxSleepMs: 7 * 24 * 3_600_000,
  /** Shortest and longest `forgetAfter` of a birth, milliseconds. */
  minForgetMs: 1000,
  maxForgetMs: 365 * 24 * 3_600_000,
} as const;

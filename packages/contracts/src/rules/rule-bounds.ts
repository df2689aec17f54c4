/** The bounds of rules. */
export const RULE_BOUNDS = {
  /** Rules of one fleet. */
  maxRules: 1000,
  /** Longest expression, characters. */
  maxExpressionLength: 2000,
  /** Longest window or delay, milliseconds. */
  maxDurationMs: 7 * 24 * 3_600_000,
  /** Names and prefixes in one scope. */
  maxScope: 1000,
  /** Sensors of one quorum. */
  maxSensors: 1000,
} as const;

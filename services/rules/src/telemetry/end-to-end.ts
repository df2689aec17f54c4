import type { EvaluatedPart } from '../evaluation/evaluate-part.js';

/** A clock that is further off, or a reading that is older, says nothing about the way that it took, milliseconds. */
const PLAUSIBLE_MS = 60_000;

/**
 * How long the newest reading of a batch has been under way, from the device's clock to now, seconds; undefined if no device of
 * the batch tells the time of a live reading, or none plausibly. One per batch: it is a measure of the way, not of each device.
 */
export function endToEndSeconds(parts: readonly EvaluatedPart[], now: number): number | undefined {
  for (let i = parts.length - 1; i >= 0; i -= 1) {
    const at = parts[i]?.live.at(-1)?.at;
    if (at !== undefined && at <= now && now - at <= PLAUSIBLE_MS) return (now - at) / 1000;
  }
  return undefined;
}

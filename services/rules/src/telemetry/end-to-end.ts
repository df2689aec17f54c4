import type { EvaluatedPart } from '../evaluation/evaluate-part.js';

/** Older readings are ignored: the clock is wrong, or the device was offline. Milliseconds. */
const PLAUSIBLE_MS = 60_000;

/**
 * The latency of the newest reading of a batch, from the device's clock to now, seconds; undefined if no live reading has a plausible
 * time. One value per batch, since it measures the path, not the devices.
 */
export function endToEndSeconds(parts: readonly EvaluatedPart[], now: number): number | undefined {
  for (let i = parts.length - 1; i >= 0; i -= 1) {
    const at = parts[i]?.live.at(-1)?.at;
    if (at !== undefined && at <= now && now - at <= PLAUSIBLE_MS) return (now - at) / 1000;
  }
  return undefined;
}

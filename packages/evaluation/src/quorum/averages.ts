/** The median; for an even number of values the mean of the middle two. Requires at least one value. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  // Halved before adding: the sum of two large values can be infinite.
  return sorted[middle - 1]! / 2 + sorted[middle]! / 2;
}

/**
 * The mean without the share `trim` (0 to 0.49) of the values at each end, rounded down, but at least one of three or more values, so that a
 * single covered or broken sensor has no influence even in a small group. Requires at least one value.
 */
export function trimmedMean(values: readonly number[], trim: number): number {
  const sorted = Float64Array.from(values).sort();
  const share = Math.floor(sorted.length * trim);
  const cut = trim > 0 && sorted.length >= 3 ? Math.max(1, share) : share;
  const kept = sorted.subarray(cut, sorted.length - cut);
  // A running mean, because the sum of large values can be infinite; clamped, because of rounding.
  const mean = kept.reduce((sum, value, i) => sum + (value / (i + 1) - sum / (i + 1)), 0);
  return Math.min(Math.max(mean, kept[0]!), kept[kept.length - 1]!);
}

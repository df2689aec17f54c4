/** The middle of the values; of an even number of them the mean of the two in the middle. There must be at least one. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  // Half of each: the sum of two large values may be infinite.
  return sorted[middle - 1]! / 2 + sorted[middle]! / 2;
}

/**
 * The mean without the outermost values: the share `trim` (0 to 0.49) of them at each end, rounded down, but at least one of three
 * or more. So one sensor that is covered or broken counts for nothing in a small group, too. There must be at least one value.
 */
export function trimmedMean(values: readonly number[], trim: number): number {
  const sorted = Float64Array.from(values).sort();
  const share = Math.floor(sorted.length * trim);
  const cut = trim > 0 && sorted.length >= 3 ? Math.max(1, share) : share;
  const kept = sorted.subarray(cut, sorted.length - cut);
  // A running mean, for the sum of large values may be infinite; rounding must not carry it past the values.
  const mean = kept.reduce((sum, value, i) => sum + (value / (i + 1) - sum / (i + 1)), 0);
  return Math.min(Math.max(mean, kept[0]!), kept[kept.length - 1]!);
}

/** A mean over seeds, and half the width of its 95 % confidence interval. */
export interface Interval {
  readonly mean: number;
  readonly half: number;
}

/** Student's t, two-sided 95 %, by degrees of freedom; above 30, the normal distribution is close enough. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The mean of the values and its interval, which is 0 for a single value. */
export function intervalOf(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, half: 0 };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, half: (T[values.length - 2] ?? 1.96) * Math.sqrt(variance / values.length) };
}

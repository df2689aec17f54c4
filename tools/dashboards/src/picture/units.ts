// Formats numbers as Grafana does, in the units that the dashboards use.

/** The smallest value of each prefix, its divisor and its suffix. */
type Scale = readonly (readonly [from: number, divisor: number, suffix: string])[];

const TIME: Scale = [
  [0, 1e-9, ' ns'],
  [1e-6, 1e-6, ' µs'],
  [1e-3, 1e-3, ' ms'],
  [1, 1, ' s'],
  [60, 60, ' min'],
  [3600, 3600, ' h'],
  [86_400, 86_400, ' d'],
];
const si = (suffix: string, small = ''): Scale => [
  [0, 1, small || suffix],
  [1e3, 1e3, ` k${suffix.trim()}`],
  [1e6, 1e6, ` M${suffix.trim()}`],
  [1e9, 1e9, ` G${suffix.trim()}`],
];

const SCALES: Readonly<Record<string, Scale>> = {
  s: TIME,
  bytes: [
    [0, 1, ' B'],
    [1024, 1024, ' KiB'],
    [1024 ** 2, 1024 ** 2, ' MiB'],
    [1024 ** 3, 1024 ** 3, ' GiB'],
    [1024 ** 4, 1024 ** 4, ' TiB'],
  ],
  Bps: si(' B/s'),
  cps: si(' c/s'),
  cpm: si(' c/m'),
  reqps: si(' req/s'),
  percentunit: [[0, 0.01, '%']],
  short: [
    [0, 1, ''],
    [1e3, 1e3, ' K'],
    [1e6, 1e6, ' Mil'],
  ],
  none: [[0, 1, '']],
};

/**
 * Formats a number with its unit.
 * @param decimals a fixed number of decimals; the default is three significant digits without trailing zeros
 */
export function format(value: number, unit: string, decimals?: number): string {
  const scale = SCALES[unit] ?? SCALES.none!;
  const size = Math.abs(value);
  const [, divisor, suffix] =
    (value === 0 ? smallestOfZero(unit) : scale.findLast(([from]) => size >= from)) ?? scale[0]!;
  const scaled = value / divisor;
  const text = decimals === undefined ? trimmed(scaled) : scaled.toFixed(decimals);
  return text + suffix;
}

/** Zero is `0 s`, not `0 ns`. */
function smallestOfZero(unit: string): Scale[number] | undefined {
  return unit === 's' ? [0, 1, ' s'] : undefined;
}

function trimmed(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

/** Distances between grid lines that are round in the unit, smallest first. */
export function niceSteps(unit: string, decimals?: number): readonly number[] {
  if (unit === 'bytes') return Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);
  const decimal = Array.from({ length: 54 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** (Math.floor(i / 3) - 8));
  if (unit === 's') return [...decimal.filter((step) => step < 20), ...CLOCK_STEPS];
  return decimals === 0 ? decimal.filter((step) => step >= 1) : decimal;
}

/** Seconds. */
const CLOCK_STEPS = [20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];

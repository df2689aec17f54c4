// The thresholds of `npm run bench` and `npm run bench:quick`.
import type { Figure, Where } from './sample.js';

export const PRODUCT = 'lamplighter';
/** One reading in this many crosses the threshold in most scenarios: 5 % of the readings require a command. */
export const CROSSING_EVERY = 20;
/** The same where the cost of a reading is separated from that of a command. */
export const RARE_CROSSING_EVERY = 1000;
/** Readings per second at which loops are timed. */
export const RATES: readonly number[] = [100, 1000, 5000];

/** A limit for one figure of the product: a ratio to a peer's figure in the same run or, without a peer, an absolute value. */
export interface Goal extends Limit {
  readonly title: string;
  readonly figure: Figure;
  readonly where: Where;
  readonly peer?: string;
}

interface Limit {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The limit of `bench:quick`, which ignores goals without one. */
  readonly quick?: number;
  /** A difference from the peer that is below the resolution of the measurement, in the figure's unit. */
  readonly tolerance?: number;
}

const limit = (title: string, figure: Figure, where: Where, limits: Limit, peer?: string): Goal => ({
  title,
  figure,
  where,
  ...limits,
  ...(peer !== undefined && { peer }),
});

/** The generator sleeps for a millisecond between rounds, so smaller latency differences are noise. */
const CLOCK_MS = 0.3;

/**
 * A `quick` limit leaves a margin of about a quarter for a noisy machine and few repetitions: it detects a
 * regression, not a missed goal. Tighten it whenever the product gets faster.
 */
export const GOALS: readonly Goal[] = ([0, 1] as const)
  .flatMap((qos) => {
    const common = { qos, crossingEvery: CROSSING_EVERY } as const;
    const sustained: Where = { scenario: 'sustained', ...common };
    const flatOut: Where = { scenario: 'flat-out', ...common };
    const flood: Where = { scenario: 'flood', ...common };
    return [
      limit('sustained rate', 'perSecond', sustained, { atLeast: qos === 0 ? 2.2 : 1.7 }, 'nest-stock'),
      qos === 0
        ? limit('sustained rate', 'perSecond', sustained, { atLeast: 1 }, 'mqttjs-ioredis')
        : limit('sustained rate', 'perSecond', sustained, { atLeast: 1 }, 'bare-batched-loop'),
      limit('flat-out rate', 'perSecond', flatOut, { atLeast: 0.85, quick: 0.35 }, 'bare-batched-loop'),
      limit('flat-out CPU of service', 'serviceCpu', flatOut, { atMost: 0.25, quick: 0.6 }, 'nest-stock'),
      limit('flat-out CPU of Redis, s per million', 'redisCpu', flatOut, { atMost: 10 }),
      ...RATES.flatMap((rate) => {
        const where: Where = { scenario: 'fixed-rate', rate, ...common };
        const quick = (value: number) => (rate === 1000 ? { quick: value } : {});
        const noWorse = { atMost: 1, tolerance: CLOCK_MS };
        const cpu = { atMost: rate === 5000 ? 0.5 : 1, ...quick(2) };
        return [
          limit('loop p50', 'p50Ms', where, { ...noWorse, ...quick(4) }, 'nest-stock'),
          limit('loop p50', 'p50Ms', where, { atMost: 2, tolerance: CLOCK_MS }, 'bare-batched-loop'),
          limit('loop p99', 'p99Ms', where, noWorse, 'nest-stock'),
          limit('CPU of service', 'serviceCpu', where, cpu, 'nest-stock'),
          limit('memory of service, MB', 'rssMb', where, { atMost: 150 }),
        ];
      }),
      limit('memory growth late in a flood, MB/s', 'rssMbPerSecond', flood, { atMost: 2 }),
      limit('recovery from a flood, s', 'recoverySeconds', flood, { atMost: 5 }),
      ...([false, true] as const).flatMap((acknowledged) => {
        const command = { scenario: 'command', qos, acknowledged } as const;
        const kind = acknowledged ? 'acknowledged command' : 'command';
        return [
          ...commandGoals({ ...command, crossingEvery: CROSSING_EVERY }, `${kind}, flat out`, 60, 50),
          ...commandGoals({ ...command, crossingEvery: 1 }, `${kind}, one at a time`, 200, 300),
        ];
      }),
    ];
  })
  .concat([
    limit('idle, 1 rules replica, cores', 'cores', { scenario: 'idle', replicas: 1 }, { atMost: 0.03 }),
    limit('idle, 4 rules replicas, cores', 'cores', { scenario: 'idle', replicas: 4 }, { atMost: 0.05 }),
    limit('REST commands/s, durable', 'perSecond', { scenario: 'rest', connections: 64 }, { atLeast: 3000 }),
    limit('REST round trip p99, idle, ms', 'p99Ms', { scenario: 'rest', connections: 1 }, { atMost: 20 }),
  ]);

function commandGoals(where: Where, title: string, redisUs: number, serviceUs: number): Goal[] {
  return [
    limit(`Redis µs per ${title}`, 'redisUs', where, { atMost: redisUs }),
    limit(`service µs per ${title}`, 'serviceUs', where, { atMost: serviceUs }),
  ];
}

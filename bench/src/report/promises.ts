import type { FixedRate } from '../scenarios/fixed-rate.js';
import type { Findings } from './findings.js';

/** One promise of the project about speed or memory, and how it stands. */
export interface Verdict {
  readonly promise: string;
  readonly measured: string;
  readonly kept: boolean;
}

const MIN_SUSTAINED_RATIO = 1.5;
const MAX_CPU_RATIO = 0.5;
/** Two runs of the same program differ by this much at the 99th percentile on a shared machine. */
const P99_NOISE = 0.15;
/** …and differences below the generator's own clockwork say nothing, milliseconds. */
const P99_GRAIN_MS = 0.5;
/** Flat: what the second half of a flood adds, bytes per second … */
const MAX_RSS_SLOPE = 2e6;
/** … and what the whole flood adds to the calm before it, bytes. */
const MAX_RSS_GROWTH = 250e6;
const MAX_RECOVERY_SECONDS = 5;
/** The broker's counter includes what it dropped of others' messages: the service's canary, one in five seconds. */
const MAX_FOREIGN_DROPS = 20;

/** Holds the findings against the promises. Findings of one service only promise nothing. */
export function judge({ qos, sustained, cpu, latency, floods }: Findings): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (promise: string, measured: string, kept: boolean) =>
    verdicts.push({ promise: `QoS ${qos}: ${promise}`, measured, kept });

  const [ours, theirs] = [sustained.get('lamplighter'), sustained.get('reference')];
  if (ours !== undefined && theirs !== undefined) {
    const ratio = ours / theirs;
    add(
      `sustained rate at least ${MIN_SUSTAINED_RATIO} times the reference's`,
      ratio.toFixed(2),
      ratio >= MIN_SUSTAINED_RATIO,
    );
  }
  // The promise is about a busy service; the lower rates are shown, since they cost more per reading.
  const busiest = Math.max(...cpu.map(({ rate }) => rate));
  for (const [mine, reference] of pairs(cpu.filter(({ rate }) => rate === busiest))) {
    const ratio = mine.cpuPerMillion / reference.cpuPerMillion;
    add(
      `CPU at ${mine.rate}/s at most ${MAX_CPU_RATIO} of the reference's`,
      ratio.toFixed(2),
      ratio <= MAX_CPU_RATIO,
    );
  }
  for (const [mine, reference] of pairs(latency)) {
    const limit = Math.max(reference.p99Ms * (1 + P99_NOISE), reference.p99Ms + P99_GRAIN_MS);
    add(
      `p99 of the loop at ${mine.rate}/s no worse than the reference's`,
      (mine.p99Ms / reference.p99Ms).toFixed(2),
      mine.p99Ms <= limit,
    );
  }
  for (const each of floods.filter(({ service }) => service === 'lamplighter')) {
    const growth = each.rssMax - each.rssBefore;
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    add(
      `memory flat under a flood of ${each.rate}/s`,
      `+${megabytes(growth)} MB, ${megabytes(each.rssSlope)} MB/s in its second half`,
      each.survived && growth <= MAX_RSS_GROWTH && each.rssSlope <= MAX_RSS_SLOPE,
    );
    add(
      'what the flood drops is counted',
      `${each.unaccounted} unaccounted for`,
      each.unaccounted <= 0 && each.unaccounted > -MAX_FOREIGN_DROPS,
    );
    add(
      'loops normal within seconds of its end',
      each.recoverySeconds === undefined ? 'never' : `${each.recoverySeconds} s`,
      (each.recoverySeconds ?? Number.POSITIVE_INFINITY) <= MAX_RECOVERY_SECONDS,
    );
  }
  return verdicts;
}

function pairs(results: readonly FixedRate[]): [mine: FixedRate, reference: FixedRate][] {
  return results
    .filter(({ service }) => service === 'lamplighter')
    .flatMap((mine) => {
      const reference = results.find(({ service, rate }) => service === 'reference' && rate === mine.rate);
      return reference === undefined ? [] : [[mine, reference] as [FixedRate, FixedRate]];
    });
}

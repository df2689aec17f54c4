import type { FixedRate } from '../scenarios/fixed-rate.js';
import type { Flood } from '../scenarios/flood.js';
import type { Findings } from './findings.js';
import type { Verdict } from './promises.js';

/** The findings of one QoS as Markdown tables. */
export function findingsMarkdown({ qos, sustained, cpu, latency, floods }: Findings): string {
  const parts = [`### QoS ${qos}`];
  if (sustained.size > 0) {
    const rows = [...sustained].map(([service, rate]) => [service, count(rate)]);
    parts.push('Highest sustained rate, readings per second:', table(['service', 'readings/s'], rows));
  }
  if (cpu.length > 0) {
    parts.push(
      'CPU of the service, seconds per million readings (and of the others, for the machine as a whole):',
      table(['rate', 'service', 'CPU', 'broker', 'Redis', 'generator'], cpu.map(cpuRow)),
    );
  }
  if (latency.length > 0) {
    parts.push(
      'Loop, reading due to command received, milliseconds:',
      table(['rate', 'service', 'p50', 'p99', 'p99 of single trials', 'loops'], latency.map(latencyRow)),
    );
  }
  if (floods.length > 0) {
    const memory = ['service', 'flood', 'RSS before', 'RSS max', 'growth'];
    const books = ['not taken by broker', 'dropped by broker', 'by service', 'stored', 'unaccounted'];
    parts.push('Flood:', table([...memory, ...books, 'normal again after'], floods.map(floodRow)));
  }
  return parts.join('\n\n');
}

/** The promises as a Markdown table. */
export function verdictsMarkdown(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ promise, measured, kept }) => [
    promise,
    measured,
    kept ? 'kept' : '**missed**',
  ]);
  return `### Promises\n\n${table(['promise', 'measured', ''], rows)}`;
}

function cpuRow({ rate, service, trials, cpuPerMillion }: FixedRate): string[] {
  const others = ['broker', 'redis', 'generator'].map((name) =>
    mean(trials.map((trial) => trial.cpuPerMillion[name] ?? Number.NaN)).toFixed(1),
  );
  return [count(rate), service, cpuPerMillion.toFixed(1), ...others];
}

function latencyRow({ rate, service, trials, p50Ms, p99Ms, p99RangeMs }: FixedRate): string[] {
  const [best, worst] = p99RangeMs;
  const loops = trials.reduce((sum, { latencies }) => sum + latencies.length, 0);
  return [
    count(rate),
    service,
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    `${best.toFixed(1)} to ${worst.toFixed(1)}`,
    count(loops),
  ];
}

function floodRow(flood: Flood): string[] {
  return [
    flood.survived ? flood.service : `${flood.service} (died)`,
    `${count(flood.rate)}/s for ${flood.seconds} s`,
    megabytes(flood.rssBefore),
    megabytes(flood.rssMax),
    `${megabytes(flood.rssSlope)}/s`,
    count(flood.unsent),
    count(flood.droppedByBroker),
    count(flood.droppedByService),
    count(flood.stored),
    count(flood.unaccounted),
    flood.recoverySeconds === undefined ? 'not within 15 s' : `${flood.recoverySeconds} s`,
  ];
}

/** A Markdown table. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

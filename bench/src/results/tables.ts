import { median } from '../measure/statistics.js';
import type { Comparison } from './compare.js';
import { type Figure, groupByConditions, type Results, type Sample, type Scenario } from './sample.js';

/** One table per scenario: its title and the figures of its columns. */
const TABLES: readonly { scenario: Scenario; title: string; columns: readonly Column[] }[] = [
  {
    scenario: 'sustained',
    title: 'Sustained rate: highest rate with a loop p99 below 100 ms and nothing lost',
    columns: [['readings/s', 'perSecond']],
  },
  {
    scenario: 'flat-out',
    title: 'Flat out: rate, and CPU seconds per million readings',
    columns: [
      ['readings/s', 'perSecond'],
      ['service CPU', 'serviceCpu'],
      ['Redis CPU', 'redisCpu'],
      ['broker CPU', 'brokerCpu'],
      ['generator CPU', 'generatorCpu'],
      ['memory, MB', 'rssMb'],
      ['lost', 'lost'],
      ['stale', 'stale'],
      ['commands missing', 'missing'],
    ],
  },
  {
    scenario: 'fixed-rate',
    title: 'Fixed rates: loop in milliseconds, CPU seconds per million readings, memory',
    columns: [
      ['p50', 'p50Ms'],
      ['p99', 'p99Ms'],
      ['service CPU', 'serviceCpu'],
      ['Redis CPU', 'redisCpu'],
      ['memory, MB', 'rssMb'],
      ['lost', 'lost'],
      ['stale', 'stale'],
      ['commands missing', 'missing'],
    ],
  },
  {
    scenario: 'command',
    title: 'CPU of one command, µs, from its reading to its end: flat out, and one at a time',
    columns: [
      ['service CPU', 'serviceUs'],
      ['Redis CPU', 'redisUs'],
    ],
  },
  {
    scenario: 'idle',
    title: 'Idle, 50 devices that report every 2 s: shares of a core',
    columns: [
      ['rules', 'serviceCores'],
      ['api', 'apiCores'],
      ['Redis', 'redisCores'],
      ['total', 'cores'],
    ],
  },
  {
    scenario: 'flood',
    title: 'Flood of twice the capacity',
    columns: [
      ['flood/s', 'perSecond'],
      ['largest MB', 'rssMb'],
      ['growth MB', 'rssGrowthMb'],
      ['late growth MB/s', 'rssMbPerSecond'],
      ['dropped by broker', 'droppedByBroker'],
      ['unaccounted', 'unaccounted'],
      ['recovery s', 'recoverySeconds'],
    ],
  },
  {
    scenario: 'rest',
    title: 'Commands over REST: submit with 16 to 64 connections, round trip with one',
    columns: [
      ['commands/s', 'perSecond'],
      ['p50 ms', 'p50Ms'],
      ['p99 ms', 'p99Ms'],
      ['p99 ms of client', 'clientP99Ms'],
      ['api cores', 'apiCores'],
      ['Redis cores', 'redisCores'],
    ],
  },
];
type Column = readonly [title: string, figure: Figure];

/** Conditions that become columns when they differ within a table. */
const CONDITIONS = [
  ['QoS', 'qos'],
  ['readings/s', 'rate'],
  ['crossing', 'crossingEvery'],
  ['acknowledged', 'acknowledged'],
  ['replicas', 'replicas'],
  ['connections', 'connections'],
] as const;

/** A run as Markdown: the machine, a table per scenario, and the ratios. */
export function resultsMarkdown(
  { machine, settings, samples }: Results,
  comparisons: readonly Comparison[],
): string {
  const parts = [[...machine, settings].map((fact) => `- ${fact}`).join('\n')];
  for (const { scenario, title, columns } of TABLES) {
    const own = samples.filter((sample) => sample.scenario === scenario);
    if (own.length > 0) parts.push(`### ${title}`, scenarioTable(own, columns));
  }
  if (comparisons.length > 0) parts.push('### Ratios', ratiosTable(comparisons));
  return parts.join('\n\n');
}

/** The goals as a Markdown table. */
export function ratiosTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ goal, product, peer, measured, limit, met }) => {
    const { title, where, peer: peerName } = goal;
    return [
      [title, ...conditionsOf(where)].join(', '),
      number(product),
      peer === undefined ? '' : `${peerName} ${number(peer)}`,
      peer === undefined ? '' : measured.toFixed(2),
      limit,
      met ? 'met' : '**missed**',
    ];
  });
  return table(['goal', 'Lamplighter', 'peer', 'ratio', 'limit', ''], rows);
}

function conditionsOf({ qos, rate }: Comparison['goal']['where']): string[] {
  return [...(rate === undefined ? [] : [`${number(rate)}/s`]), ...(qos === undefined ? [] : [`QoS ${qos}`])];
}

/** A row per group of repetitions, in each cell the median and, if they differ noticeably, the range. */
function scenarioTable(samples: readonly Sample[], columns: readonly Column[]): string {
  const conditions = CONDITIONS.filter(([, name]) => samples.some((sample) => sample[name] !== undefined));
  const shown = columns.filter(([, figure]) => samples.some(({ figures }) => figures[figure] !== undefined));
  const groups = [...groupByConditions(samples).values()].toSorted((a, b) => order(a[0]!, b[0]!));
  const rows = groups.map((group) => [
    group[0]!.service,
    ...conditions.map(([, name]) => conditionText(name, group[0]![name])),
    ...shown.map(([, figure]) => cell(group.flatMap(({ figures }) => figures[figure] ?? []))),
  ]);
  return table(['service', ...conditions.map(([title]) => title), ...shown.map(([title]) => title)], rows);
}

function order(a: Sample, b: Sample): number {
  return CONDITIONS.reduce((result, [, name]) => result || Number(a[name] ?? 0) - Number(b[name] ?? 0), 0);
}

function conditionText(name: (typeof CONDITIONS)[number][1], value: number | boolean | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return name === 'crossingEvery' ? `1/${value}` : number(value);
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '';
  const sorted = [...values].sort((a, b) => a - b);
  const middle = number(median(values));
  const [low, high] = [number(sorted[0]!), number(sorted.at(-1)!)];
  return low === high ? middle : `${middle} (${low} to ${high})`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const align = header.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(header), line(align), ...rows.map(line)].join('\n');
}

/** Three significant digits, or all digits of a whole number. */
export function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

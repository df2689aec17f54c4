import type { Result } from './experiment.js';
import type { Interval } from './interval.js';

type Measure = 'falseOnMinutes' | 'missedMinutes' | 'switches';

const round = (value: number) => (value >= 10 ? value.toFixed(0) : value.toFixed(1).replace(/[.]0$/, ''));

/** Mean and half the width of the 95 % interval: `12 ± 3`; `12` if all values are equal. */
export function intervalText({ mean, half }: Interval): string {
  return half < 0.05 ? round(mean) : `${round(mean)} ± ${round(half)}`;
}

/** A Markdown table of means with a row per policy and a column per scenario. */
export function policyTable(results: readonly Result[], measure: Measure): string {
  const columns = [...new Set(results.map(({ scenario }) => scenario))];
  const policies = [...new Set(results.map(({ policy }) => policy))];
  const cell = (policy: string, column: string) =>
    round(results.find((result) => result.policy === policy && result.scenario === column)![measure].mean);
  return [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '--:').join('|')}|`,
    ...policies.map(
      (policy) => `| ${policy} | ${columns.map((column) => cell(policy, column)).join(' | ')} |`,
    ),
  ].join('\n');
}

/** All results as a table for a terminal. */
export function plainTable(results: readonly Result[]): string {
  const rows = [
    ['scenario', 'sensors', 'policy', 'false-on min/day', 'missed-on min/day', 'switches/day'],
    ...results.map(({ scenario, sensors, policy, falseOnMinutes, missedMinutes, switches }) => [
      scenario,
      String(sensors),
      policy,
      intervalText(falseOnMinutes),
      intervalText(missedMinutes),
      intervalText(switches),
    ]),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

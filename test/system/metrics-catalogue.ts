import { readFileSync } from 'node:fs';
import type { Declaration } from '@lamplighter/service-kit/metrics';
import { parse } from 'yaml';
import { ApiMetrics } from '../../services/api/src/metrics/api-metrics.js';
import { NO_RADIO_USE } from '../../services/device-sim/src/lamp/radio-report.js';
import { SimMetrics } from '../../services/device-sim/src/sim-metrics.js';
import { RulesMetrics } from '../../services/rules/src/metrics.js';

export const SERVICES = ['rules', 'api', 'device-sim'] as const;
export type Service = (typeof SERVICES)[number];

/** The declared metrics of each service, by name. */
export const declarations: Readonly<Record<Service, ReadonlyMap<string, Declaration>>> = {
  rules: new RulesMetrics('rules', '0.0.0').declarations,
  api: new ApiMetrics('api', '0.0.0').declarations,
  'device-sim': new SimMetrics('0.0.0', () => ({
    connected: 0,
    devices: 0,
    waiting: 0,
    radioUse: NO_RADIO_USE,
  })).declarations,
};

/** A metric of the catalogue, which several services can declare. */
export interface Metric {
  readonly type: Declaration['type'];
  readonly from: readonly Service[];
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** All declared metrics. The values of a label are merged from all services. */
export function declaredMetrics(): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const service of SERVICES) {
    for (const [name, { type, labels }] of declarations[service]) {
      const known = metrics.get(name) ?? { type, from: [], labels: {} };
      const all = Object.entries(labels).map(
        ([label, values]) => [label, [...new Set([...(known.labels[label] ?? []), ...values])]] as const,
      );
      metrics.set(name, { type, from: [...known.from, service], labels: Object.fromEntries(all) });
    }
  }
  return metrics;
}

/**
 * The metrics in the tables of docs/metrics.md. Label values that are known only at run time are in parentheses there. Each section names
 * the services that expose its metrics; a row names other ones if they differ.
 */
export function documentedMetrics(): Map<string, Metric> {
  const row = /^\| `(lamplighter_[a-z_]+)` \| (counter|gauge|histogram) \| (.*?) ?\| (.+) \|$/gm;
  const metrics = new Map<string, Metric>();
  for (const section of catalogue().split(/^## /m)) {
    const [, usual = ''] = /^From ([a-z, -]+?)(?: unless noted)?[.]$/m.exec(section) ?? [];
    for (const [, name = '', type, labels = '', meaning = ''] of section.matchAll(row)) {
      const [, from = usual] = / From ([a-z, -]+)[.]$/.exec(meaning) ?? [];
      const pairs = labels === '' ? [] : labels.split(' · ').map(readLabel);
      metrics.set(name, {
        type: type as Metric['type'],
        from: from.split(', ') as Service[],
        labels: Object.fromEntries(pairs),
      });
    }
  }
  return metrics;
}

/** Metrics that are on no dashboard, for a reason that docs/metrics.md gives. */
export function metricsNotShown(): Set<string> {
  const [, section = ''] = catalogue().split('\n## Not shown\n');
  return new Set([...section.matchAll(/^- `(lamplighter_[a-z_]+)`: .+/gm)].map(([, name = '']) => name));
}

function catalogue(): string {
  return readFileSync('docs/metrics.md', 'utf8');
}

function readLabel(text: string): [string, string[]] {
  const [, label, values] = /^`([a-z_]+)`(?:: (.+)| [(].+[)])$/.exec(text) ?? [];
  if (label === undefined) throw new Error(`docs/metrics.md: invalid label: ${text}`);
  return [label, values === undefined ? [] : values.split(', ')];
}

interface RuleFile {
  groups: { rules: { record?: string; alert?: string; expr: string }[] }[];
}

/** Recording rules: name → expression. */
export function recordedMetrics(): Map<string, string> {
  const { groups } = parse(readFileSync('prometheus/rules/recording.yml', 'utf8')) as RuleFile;
  return new Map(
    groups.flatMap(({ rules }) => rules.map(({ record = '', expr }) => [record, expr] as const)),
  );
}

/** Names of the `lamplighter_` metrics in a query, including those behind recording rules; `_bucket`, `_sum` and `_count` are removed. */
export function metricsIn(query: string, declared: ReadonlyMap<string, unknown>): string[] {
  const recorded = recordedMetrics();
  const names = query.replaceAll(/"[^"]*"/g, '').match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [];
  return names.flatMap((name) => {
    if (name.includes(':')) {
      const expression = recorded.get(name);
      return expression === undefined ? [name] : metricsIn(expression, declared);
    }
    if (!name.startsWith('lamplighter_')) return [];
    const whole = name.replace(/_(bucket|sum|count)$/, '');
    return [!declared.has(name) && declared.has(whole) ? whole : name];
  });
}

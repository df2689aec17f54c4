import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { declaredMetrics, metricsIn, recordedMetrics } from '../metrics-catalogue.js';

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}
interface TestFile {
  tests: { name: string; alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[];
}

const { groups } = parse(readFileSync('prometheus/rules/alerts.yml', 'utf8')) as {
  groups: { rules: Alert[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules);
const names = [...new Set(alerts.map(({ alert }) => alert))].sort();
const declared = declaredMetrics();

describe('alerts', () => {
  it.each(names)('%s fires if and only if its condition holds', (name) => {
    const file = `prometheus/tests/${name}.test.yml`;
    const { tests } = parse(readFileSync(file, 'utf8')) as TestFile;
    const cases = tests.flatMap((test) => test.alert_rule_test);
    expect([...new Set(cases.map(({ alertname }) => alertname))]).toEqual([name]);
    const firing = cases.filter(({ exp_alerts = [] }) => exp_alerts.length > 0);
    expect(firing.length).toBeGreaterThan(0);
    // The watchdog always fires.
    if (name !== 'Watchdog') expect(cases.length).toBeGreaterThan(firing.length);
    expect(execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })).toContain('SUCCESS');
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s has a summary, a severity and a runbook',
    (name, { labels, annotations }) => {
      expect(labels).toEqual({ severity: expect.stringMatching(/^(page|ticket|none)$/) });
      expect(Object.keys(annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
      expect(annotations.summary).toMatch(/[.]$/);
      expect(annotations.description).toMatch(/[.]$/);
      expect(annotations.runbook_url).toBe(`docs/runbooks/${name}.md`);
      const page = readFileSync(annotations.runbook_url ?? '', 'utf8');
      for (const part of [`# ${name}`, '## Symptom', '## Likely causes', '## What to type']) {
        expect(page).toContain(`${part}`);
      }
    },
  );

  it('are exactly those in the index of the runbooks', () => {
    const index = readFileSync('docs/runbooks/README.md', 'utf8');
    const listed = [...index.matchAll(/^\| \[(\w+)\]\(\1[.]md\) \|/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(names);
    const pages = readdirSync('docs/runbooks').filter((file) => file !== 'README.md');
    expect(pages.sort()).toEqual(names.map((name) => `${name}.md`));
  });
});

describe('recording rules', () => {
  it('are named level:metric:operation', () => {
    for (const name of recordedMetrics().keys()) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)*:lamplighter_[a-z_]+:[a-z0-9_]+$/);
    }
  });

  it('are used by an alert, a dashboard or a runbook', () => {
    const folders = ['prometheus/rules', 'grafana/dashboards', 'docs/runbooks'];
    const files = folders.flatMap((folder) => readdirSync(folder).map((file) => `${folder}/${file}`));
    const texts = files.map((file) => readFileSync(file, 'utf8').replaceAll(/record: \S+/g, '')).join();
    expect([...recordedMetrics().keys()].filter((name) => !texts.includes(name))).toEqual([]);
  });
});

it('recording rules and alerts use only metrics that exist', () => {
  const queries = [...recordedMetrics().values(), ...alerts.map(({ expr }) => expr)];
  const unknown = queries
    .flatMap((query) => metricsIn(query, declared))
    .filter((name) => !declared.has(name));
  expect(unknown).toEqual([]);
});

it('promtool accepts the rules', () => {
  const files = readdirSync('prometheus/rules').map((file) => `prometheus/rules/${file}`);
  const output = execFileSync('promtool', ['check', 'rules', ...files], { encoding: 'utf8' });
  expect(output).not.toMatch(/FAILED|duplicate/);
});

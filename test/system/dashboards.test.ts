import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';

interface Panel {
  id: number;
  title: string;
  description: string;
  datasource: { uid: string };
  fieldConfig: { defaults: { unit: string } };
  targets: { refId: string; expr: string; datasource: { uid: string } }[];
}
interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
}

const files = readdirSync('grafana/dashboards').map((name) => join('grafana/dashboards', name));
const dashboards = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Dashboard);
const panels = dashboards.flatMap((dashboard) => dashboard.panels);
const queries = panels.flatMap((panel) => panel.targets.map(({ expr }) => expr));

const { datasources } = parse(readFileSync('grafana/provisioning/datasources/prometheus.yml', 'utf8')) as {
  datasources: { uid: string; editable: boolean; url: string }[];
};

describe('the dashboards', () => {
  it('have uids, and panels ids, of their own', () => {
    const uids = dashboards.map(({ uid }) => uid);
    expect(uids).toContain('lamplighter-overview');
    expect(new Set(uids).size).toBe(uids.length);
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    }
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    '"%s" says what it shows, in which unit, from the provisioned data source',
    (_title, panel) => {
      expect(panel.description).toMatch(/^[A-Z].{10,}[.]$/);
      expect(panel.fieldConfig.defaults.unit).toMatch(/^[a-z]+$/i);
      for (const { uid } of [panel.datasource, ...panel.targets.map(({ datasource }) => datasource)]) {
        expect(uid).toBe(datasources[0]?.uid);
      }
      expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
    },
  );

  it('ask in PromQL that Prometheus parses', () => {
    // Each query as a recording rule that nobody loads; Grafana's variables become what Grafana would put there.
    const rules = queries.map((query, index) => ({
      record: `dashboards:query_${index}`,
      expr: query.replaceAll(/[$]__(rate_interval|interval|range)/g, '1m'),
    }));
    const folder = mkdtempSync(join(tmpdir(), 'lamplighter-dashboards-'));
    try {
      const file = join(folder, 'queries.yml');
      writeFileSync(file, stringify({ groups: [{ name: 'dashboards', rules }] }));
      expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(
        `${rules.length} rules found`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the provisioning of Grafana', () => {
  it('reads one data source and the dashboards from the repository, unchangeable in the browser', () => {
    expect(datasources).toMatchObject([{ editable: false, url: 'http://prometheus:9090' }]);
    const { providers } = parse(readFileSync('grafana/provisioning/dashboards/lamplighter.yml', 'utf8')) as {
      providers: object[];
    };
    expect(providers).toMatchObject([{ allowUiUpdates: false, disableDeletion: true }]);
  });
});

describe('the configuration of Prometheus', () => {
  it('is accepted by promtool', () => {
    const answer = execFileSync('promtool', ['check', 'config', 'prometheus/prometheus.yml'], {
      encoding: 'utf8',
    });
    expect(answer).toContain('SUCCESS');
  });
});

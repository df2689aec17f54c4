import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Document } from '@lamplighter/dashboards/document';
import { Prometheus } from '@lamplighter/dashboards/picture/prometheus';
import { type DashboardQuery, queriesOf, substituteVariables } from '@lamplighter/dashboards/queries';
import { startPrometheus } from '@lamplighter/native/servers/prometheus';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { parse, stringify } from 'yaml';
import { WITHOUT_DATA } from '../queries-without-data.js';
import { startStack } from '../stack.js';

const FOLDER = 'grafana/dashboards';
const dashboards = readdirSync(FOLDER).map(
  (name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Document,
);
const panels = dashboards.flatMap(({ panels }) => panels).filter(({ type }) => type !== 'row');
const queries = dashboards.flatMap(queriesOf);

const { datasources } = parse(readFileSync('grafana/provisioning/datasources/prometheus.yml', 'utf8')) as {
  datasources: { uid: string; editable: boolean; url: string }[];
};

describe('the dashboards', () => {
  it('have stable uids, and panels with unique ids and titles', () => {
    expect(dashboards.map(({ uid, title }) => `${title}: ${uid}`).sort()).toEqual([
      '1 Fleet overview: lamplighter-overview',
      '2 Telemetry and ingest: lamplighter-telemetry',
      '3 Commands and delivery: lamplighter-commands',
      '4 Rules: lamplighter-rules',
      '5 Broker and Redis: lamplighter-broker-and-redis',
      '6 Processes: lamplighter-processes',
    ]);
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    }
  });

  it.each(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))(
    '"%s" has a description, links to the others, annotates restarts and rule changes, and is read-only',
    (_title, { description, links, tags, annotations, editable, templating }) => {
      expect(description).toMatch(/^[A-Z].{10,}[.]$/);
      expect(editable).toBe(false);
      expect(links.map(({ tags }) => tags)).toEqual([tags]);
      expect(annotations.list.map(({ name }) => name)).toEqual([
        'Service starts',
        'Broker starts',
        'Redis starts',
        'Rule changes',
      ]);
      // Over a week, a point covers minutes: a start must not fall between two points.
      for (const { expr } of annotations.list) expect(expr).toMatch(/< \d+ \+ \$__interval_ms \/ 1000$/);
      expect(templating.list.map(({ name }) => name).filter((name) => name !== 'replica')).toEqual([]);
    },
  );

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    '"%s" has a description and a unit, and uses the provisioned data source',
    (_title, { description, fieldConfig, datasource, targets = [] }) => {
      expect(description).toMatch(/^[A-Z].{10,}[.]$/);
      expect(fieldConfig?.defaults.unit).toMatch(/^[a-z]+$/i);
      for (const source of [datasource, ...targets.map(({ datasource }) => datasource)]) {
        expect(source?.uid).toBe(datasources[0]?.uid);
      }
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    },
  );

  it('contain valid PromQL', () => {
    // promtool checks each query as a recording rule.
    const rules = queries.map(({ expr }, index) => ({
      record: `dashboards:query_${index}`,
      expr: substituteVariables(expr, { rateInterval: 60, step: 15 }),
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

it('shows a fleet without devices as zero, not as missing data', () => {
  const query = queries.find(({ source: of }) => of === 'Offline or stale')!;
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-dashboards-'));
  try {
    const file = join(folder, 'no-device.test.yml');
    const zero = {
      interval: '15s',
      input_series: [{ series: 'lamplighter_devices{job="api", state="online"}', values: '0x10' }],
      promql_expr_test: [
        {
          expr: substituteVariables(query.expr, { rateInterval: 60, step: 15 }),
          eval_time: '1m',
          exp_samples: [{ labels: '{}', value: 0 }],
        },
      ],
    };
    const rule_files = [join(process.cwd(), 'prometheus/rules/recording.yml')];
    writeFileSync(file, stringify({ rule_files, evaluation_interval: '15s', tests: [zero] }));
    expect(execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })).toContain('SUCCESS');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('over a running stack', () => {
  const STEP = 5;
  const started = Math.floor(Date.now() / 1000 / STEP) * STEP;
  const key = ({ dashboard, source: of, refId }: DashboardQuery) => `${dashboard}: ${of}: ${refId}`;
  // Annotations have no data without a restart; a test below checks that their metrics exist.
  const panelQueries = queries.filter(({ refId }) => refId !== 'annotation');
  let url: string;
  let withoutData: string[];

  beforeAll(async () => {
    const { broker, rules, api, send } = await startStack();
    const sim = await startService('device-sim', {
      MQTT_URL: broker.fleetUrl('demo'),
      DEVICES: '20',
      DAY_SECONDS: '10',
      TELEMETRY: 'keep',
    });
    const server = await startPrometheus({
      folder: temporaryFolder(),
      port: await freePort(),
      jobs: { rules: rules.port, api: api.port, 'device-sim': sim.port },
    });
    closeLater('Prometheus', () => server.stop());
    url = server.url;
    await send('POST', '/v1/fleets/demo/devices/lamp-0001/commands', { action: { report: ['light'] } });
    const prometheus = new Prometheus(url);
    const waiting = new Map(panelQueries.map((query) => [key(query), query]));
    // Queries in WITHOUT_DATA are still tried each time, so that the list stays correct.
    await until(
      async () => {
        const range = { from: started, to: Math.floor(Date.now() / 1000 / STEP) * STEP, step: STEP };
        for (const [name, { expr }] of waiting) {
          const series = await prometheus.range(
            substituteVariables(expr, { rateInterval: 20, step: STEP }),
            range,
          );
          if (series.some(({ values }) => values.some((value) => value !== null))) waiting.delete(name);
        }
        withoutData = [...waiting.keys()];
        return withoutData.every((name) => name in WITHOUT_DATA);
      },
      { what: 'every query to have data', timeoutMs: 90_000, everyMs: 1000 },
    ).catch(() => undefined); // the test below lists the queries without data
  }, 150_000);

  it('every query has data, except the listed ones', () => {
    expect(withoutData.sort()).toEqual(Object.keys(WITHOUT_DATA).sort());
  });

  it('every metric in a query exists', async () => {
    const response = await fetch(`${url}/api/v1/label/__name__/values`);
    const { data } = (await response.json()) as { data: string[] };
    const names = /\b(?:[a-z_]+:)?(?:lamplighter|process|nodejs|scrape)_[a-z0-9_]+(?::[a-z0-9_]+)?/g;
    const queried = queries.flatMap(({ expr }) => expr.match(names) ?? []);
    expect(queried.length).toBeGreaterThan(100);
    expect(queried.filter((name) => !data.includes(name))).toEqual([]);
  });
});

describe('the provisioning of Grafana', () => {
  it('loads one data source and the dashboards from the repository, read-only in the browser', () => {
    expect(datasources).toMatchObject([{ editable: false, url: 'http://prometheus:9090' }]);
    const { providers } = parse(readFileSync('grafana/provisioning/dashboards/lamplighter.yml', 'utf8')) as {
      providers: object[];
    };
    expect(providers).toMatchObject([
      { allowUiUpdates: false, disableDeletion: true, folder: 'Lamplighter', folderUid: 'lamplighter' },
    ]);
  });
});

describe('the configuration of Prometheus', () => {
  it('is accepted by promtool', () => {
    // Without the files that only exist in its container.
    const check = ['check', 'config', '--syntax-only', 'prometheus/prometheus.yml'];
    const response = execFileSync('promtool', check, {
      encoding: 'utf8',
    });
    expect(response).toContain('SUCCESS');
  });
});

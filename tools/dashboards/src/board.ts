import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PROMETHEUS } from './panels.js';

/** A dashboard, and the name of its file in grafana/dashboards. */
export interface Board {
  readonly file: string;
  readonly document: Dashboard;
}

/** What a dashboard is made of. */
export interface Content {
  /** Name of the file without `.json`; with `lamplighter-` before it the uid, which links and bookmarks hold. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** A metric of the services whose replicas one can choose; none if the dashboard is about all of them together. */
  readonly replicasOf?: string;
  readonly rows: readonly (readonly [title: string, panels: readonly Builder<Panel>[]])[];
}

/** The tag by which the dashboards find each other. */
const TAG = 'lamplighter';

/**
 * A dashboard with what all of ours have: links to the others, marks where something restarted or rules changed, the last
 * quarter of an hour, and no way to change it in the browser, since the repository is the truth.
 */
export function board({ name, title, description, replicasOf, rows }: Content): Board {
  const builder = new DashboardBuilder(title)
    .uid(`lamplighter-${name}`)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .refresh('5s')
    .time({ from: 'now-15m', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('Lamplighter')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .includeVars(false)
        .keepTime(true)
        .targetBlank(false),
    );
  for (const annotation of ANNOTATIONS) builder.annotation(annotation);
  if (replicasOf !== undefined) builder.withVariable(replica(replicasOf));
  for (const [row, panels] of rows) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panel);
  }
  return { file: `${name}.json`, document: finish(builder.build()) };
}

/** Numbers the panels, so that links to one of them hold, and shows links and marks above the panels, not in a menu. */
function finish(built: Dashboard): Dashboard {
  for (const shown of [...(built.links ?? []), ...(built.annotations?.list ?? [])]) delete shown.placement;
  const panels = built.panels?.map((panel, index) => ({ ...panel, id: index + 1 })) ?? [];
  return { ...built, templating: { list: [], ...built.templating }, panels };
}

/** How long something counts as just started, seconds: longer than a step of the query, whatever the range, so that no start falls between two. */
const RECENT = '15 + $__interval_ms / 1000';
/** The broker tells its uptime every ten seconds. */
const RECENT_BROKER = '30 + $__interval_ms / 1000';

const ANNOTATIONS = [
  mark(
    'Service starts',
    'blue',
    `max by (job, instance) (time() - process_start_time_seconds{job=~"rules|api|device-sim"}) < ${RECENT}`,
    '{{job}} {{instance}} started',
  ),
  mark(
    'Broker starts',
    'red',
    `max(lamplighter_broker_uptime_seconds) < ${RECENT_BROKER}`,
    'the broker started',
  ),
  mark('Redis starts', 'dark-red', `max(lamplighter_redis_uptime_seconds) < ${RECENT}`, 'Redis started'),
  mark(
    'Rule changes',
    'purple',
    `max(time() - lamplighter_rules_reload_timestamp_seconds) < ${RECENT}`,
    'rules were read anew',
  ),
];

function mark(name: string, color: string, expr: string, text: string): Builder<AnnotationQuery> {
  const annotation = new AnnotationQueryBuilder()
    .name(name)
    .datasource(PROMETHEUS)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .expr(expr)
    .build();
  // What the data source itself reads, beyond the types.
  return { build: () => ({ ...annotation, step: '5s', titleFormat: name, textFormat: text }) };
}

function replica(metric: string): QueryVariableBuilder {
  return new QueryVariableBuilder('replica')
    .label('Replica')
    .description('Address of a replica, as Prometheus scrapes it.')
    .hide(VariableHide.DontHide)
    .datasource(PROMETHEUS)
    .query({ query: `label_values(${metric}, instance)`, refId: 'replica' })
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

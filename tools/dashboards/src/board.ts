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

/** A row of panels under a title. */
export type Row = readonly [title: string, panels: readonly Builder<Panel>[]];

/** The contents of a dashboard. */
export interface Content {
  /** File name without `.json`. The uid is `lamplighter-<name>`; links and bookmarks depend on it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** A metric of the services whose replicas can be selected. Without it, the dashboard always shows all replicas. */
  readonly replicasOf?: string;
  readonly rows: readonly Row[];
}

/** The dashboards link to all dashboards with this tag. */
const TAG = 'lamplighter';

/**
 * Builds a dashboard with the common settings: links to the other dashboards, annotations for restarts and rule changes, a range of
 * 15 minutes, and read-only in the browser, because the repository holds its source.
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
  for (const query of ANNOTATIONS) builder.annotation(query);
  if (replicasOf !== undefined) builder.withVariable(replica(replicasOf));
  for (const [row, panels] of rows) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panel);
  }
  return { file: `${name}.json`, document: finish(builder.build()) };
}

/** Numbers the panels for stable links, and shows links and annotations above the panels instead of in a menu. */
function finish(built: Dashboard): Dashboard {
  for (const shown of [...(built.links ?? []), ...(built.annotations?.list ?? [])]) delete shown.placement;
  const panels = built.panels?.map((panel, index) => ({ ...panel, id: index + 1 })) ?? [];
  return { ...built, templating: { list: [], ...built.templating }, panels };
}

/** Seconds for which a start counts as recent: longer than a step of the query, so that no start falls between steps. */
const RECENT = '15 + $__interval_ms / 1000';
/** Longer, because the broker publishes its uptime only every ten seconds. */
const RECENT_BROKER = '30 + $__interval_ms / 1000';

const ANNOTATIONS = [
  annotation(
    'Service starts',
    'blue',
    `max by (job, instance) (time() - process_start_time_seconds{job=~"rules|api|device-sim"}) < ${RECENT}`,
    '{{job}} {{instance}} started',
  ),
  annotation(
    'Broker starts',
    'red',
    `max(lamplighter_broker_uptime_seconds) < ${RECENT_BROKER}`,
    'broker started',
  ),
  annotation(
    'Redis starts',
    'dark-red',
    `max(lamplighter_redis_uptime_seconds) < ${RECENT}`,
    'Redis started',
  ),
  annotation(
    'Rule changes',
    'purple',
    `max(time() - lamplighter_rules_reload_timestamp_seconds) < ${RECENT}`,
    'rules reloaded',
  ),
];

function annotation(name: string, color: string, expr: string, text: string): Builder<AnnotationQuery> {
  const built = new AnnotationQueryBuilder()
    .name(name)
    .datasource(PROMETHEUS)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .expr(expr)
    .build();
  // Options of the Prometheus data source that the types lack.
  return { build: () => ({ ...built, step: '5s', titleFormat: name, textFormat: text }) };
}

function replica(metric: string): QueryVariableBuilder {
  return new QueryVariableBuilder('replica')
    .label('Replica')
    .description('Scrape address of a replica.')
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

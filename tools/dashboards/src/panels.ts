import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  type DataSourceRef,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  SpecialValueMatch,
  type Threshold,
  type ThresholdsConfig,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as gauge from '@grafana/grafana-foundation-sdk/gauge';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The one data source, by the uid that grafana/provisioning gives it. */
export const PROMETHEUS: DataSourceRef = { type: 'prometheus', uid: 'lamplighter-prometheus' };

/** What every panel says. */
export interface PanelOptions {
  readonly title: string;
  /** A sentence or two: what the numbers are, and what a bad one means. */
  readonly description: string;
  /** As Grafana names units. */
  readonly unit: string;
  /** PromQL, and what the legend calls its series. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Columns of 24. */
  readonly width: number;
  /** Rows of 30 pixels. */
  readonly height: number;
  readonly decimals?: number;
  readonly max?: number;
  /** Where the colour changes, from the lowest value up. */
  readonly thresholds?: readonly Step[];
}

/** A colour, and the value from which it holds; none for the first. */
export type Step = readonly [color: string, from?: number];

/** Fixed colours where a series means good or bad: the name of the series, and a colour of Grafana's. */
export type Colors = Readonly<Record<string, string>>;

const BY_THRESHOLD = new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
const LAST = new common.ReduceDataOptionsBuilder().calcs(['last']).fields('').values(false);

/**
 * An answer over a time leaves out the points without a value, so that the last one it has may be old: of a part that died half an
 * hour ago Grafana would show, in green, how well it was. With NaN in their place the last point is that of now.
 */
const padWithNaN: (query: PanelOptions['queries'][number]) => PanelOptions['queries'][number] = ([
  expr,
  legend,
]) => [`(${expr}) or on () vector(NaN)`, legend];

/** What stands there instead of NaN. */
function noValueMapping(text = 'No data'): ValueMapping {
  const result = { text, color: 'text', index: 0 };
  return { type: MappingType.SpecialValue, options: { match: SpecialValueMatch.NullAndNan, result } };
}

/** One number now, and how it came there. Without a value now it says so, rather than show the last there was. */
export function statPanel(
  about: PanelOptions & {
    readonly noValue?: string;
    readonly names?: boolean;
    /** Where the colour of a series changes elsewhere: the name of the series, and its own thresholds. */
    readonly own?: Readonly<Record<string, readonly Step[]>>;
  },
): Builder<Panel> {
  const panel = new stat.PanelBuilder()
    .mappings([noValueMapping(about.noValue)])
    .min(0)
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .textMode(about.names ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Auto)
    .reduceOptions(LAST)
    .colorScheme(BY_THRESHOLD);
  if (about.noValue !== undefined) panel.noValue(about.noValue);
  for (const [name, steps] of Object.entries(about.own ?? {})) {
    panel.withOverride({
      matcher: { id: 'byName', options: name },
      properties: [{ id: 'thresholds', value: thresholds(steps).build() }],
    });
  }
  return applyOptions(panel, { ...about, queries: about.queries.map(padWithNaN) });
}

/** Lines over time. */
export function linesPanel(
  about: PanelOptions & {
    readonly stacked?: boolean;
    readonly colors?: Colors;
    readonly legendTable?: boolean;
  },
): Builder<Panel> {
  const panel = new timeseries.PanelBuilder()
    .min(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .lineWidth(about.stacked ? 0 : 2)
    .fillOpacity(about.stacked ? 70 : 8)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(about.legendTable ? common.LegendDisplayMode.Table : common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(about.legendTable ? ['lastNotNull', 'max'] : []),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (about.stacked) {
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  }
  if (about.thresholds !== undefined) {
    panel.thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
    );
  }
  for (const [name, color] of Object.entries(about.colors ?? {})) {
    panel.withOverride({
      matcher: { id: 'byName', options: name },
      properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }],
    });
  }
  return applyOptions(panel, about);
}

/** One share or level between 0 and its maximum, now; without a value now it says so. */
export function gaugePanel(
  about: PanelOptions & { readonly max: number; readonly noValue?: string },
): Builder<Panel> {
  const panel = new gauge.PanelBuilder()
    .mappings([noValueMapping(about.noValue)])
    .min(0)
    .colorScheme(BY_THRESHOLD)
    .showThresholdLabels(false)
    .showThresholdMarkers(true)
    .reduceOptions(LAST);
  if (about.noValue !== undefined) panel.noValue(about.noValue);
  return applyOptions(panel, { ...about, queries: about.queries.map(padWithNaN) });
}

/** One bar per series that is green while its value is 1. */
export function statesPanel(
  about: Omit<PanelOptions, 'unit'> & { readonly good: string; readonly bad: string },
): Builder<Panel> {
  const panel = new statetimeline.PanelBuilder()
    .colorScheme(BY_THRESHOLD)
    .showValue(common.VisibilityMode.Never)
    .mergeValues(true)
    .rowHeight(0.8)
    .lineWidth(0)
    .fillOpacity(80)
    .mappings([
      {
        type: MappingType.ValueToText,
        options: {
          0: { text: about.bad, color: 'red', index: 0 },
          1: { text: about.good, color: 'green', index: 1 },
        },
      },
    ])
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    );
  return applyOptions(panel, { thresholds: [['red'], ['green', 1]], ...about, unit: 'none' });
}

/** How many observations fell into each bucket of a histogram: `sum by (le) (increase(…_bucket[$__rate_interval]))`. */
export function heatPanel(about: PanelOptions): Builder<Panel> {
  const panel = new heatmap.PanelBuilder()
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .scale(heatmap.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64)
        .reverse(false),
    )
    .yAxis(new heatmap.YAxisConfigBuilder().unit(about.unit).axisPlacement(common.AxisPlacement.Left))
    .cellGap(1)
    .hideLegend();
  return applyOptions(panel, about, prometheus.PromQueryFormat.Heatmap);
}

/** One row per series, as it is now; labels are the columns. */
export function tablePanel(
  about: PanelOptions & {
    /** Label → title of its column, in this order; other labels are not shown. */
    readonly columns: Readonly<Record<string, string>>;
    /** Labels that the query leaves and nobody needs. */
    readonly hidden?: readonly string[];
  },
): Builder<Panel> {
  const hidden = Object.fromEntries(['Time', ...(about.hidden ?? [])].map((name) => [name, true]));
  const panel = new table.PanelBuilder()
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: hidden,
        indexByName: Object.fromEntries(Object.keys(about.columns).map((name, index) => [name, index])),
        renameByName: about.columns,
      },
    });
  return applyOptions(panel, about, prometheus.PromQueryFormat.Table);
}

interface AnyPanel extends Builder<Panel> {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: DataSourceRef): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  max(max: number): this;
  span(columns: number): this;
  height(rows: number): this;
  thresholds(thresholds: Builder<ThresholdsConfig>): this;
  withTarget(target: Builder<prometheus.Dataquery>): this;
}

function applyOptions<P extends AnyPanel>(
  panel: P,
  about: PanelOptions,
  format = prometheus.PromQueryFormat.TimeSeries,
): P {
  panel
    .title(about.title)
    .description(about.description)
    .datasource(PROMETHEUS)
    .unit(about.unit)
    .span(about.width)
    .height(about.height)
    .thresholds(thresholds(about.thresholds ?? [['green']]));
  if (about.decimals !== undefined) panel.decimals(about.decimals);
  if (about.max !== undefined) panel.max(about.max);
  for (const [index, [expr, legend]] of about.queries.entries()) {
    const query = new prometheus.DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .datasource(PROMETHEUS)
      .editorMode(prometheus.QueryEditorMode.Code)
      .expr(expr)
      .legendFormat(legend)
      .format(format);
    if (format === prometheus.PromQueryFormat.Table) query.instant();
    else query.range();
    panel.withTarget(query);
  }
  return panel;
}

function thresholds(steps: readonly Step[]): Builder<ThresholdsConfig> {
  const all: Threshold[] = steps.map(([color, value = null]) => ({ color, value }));
  return { build: () => ({ mode: ThresholdsMode.Absolute, steps: all }) };
}

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

/** The only data source. Its uid is set in grafana/provisioning. */
export const PROMETHEUS: DataSourceRef = { type: 'prometheus', uid: 'lamplighter-prometheus' };

/** The options of every panel. */
export interface PanelOptions {
  readonly title: string;
  /** One or two sentences: what the numbers are, and what a bad one means. */
  readonly description: string;
  /** A unit id of Grafana. */
  readonly unit: string;
  /** PromQL expressions with their legends. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** In columns; a row of panels has 24. */
  readonly width: number;
  /** In units of 30 pixels. */
  readonly height: number;
  readonly decimals?: number;
  readonly max?: number;
  /** From the lowest value up. */
  readonly thresholds?: readonly Step[];
}

/** A color and the value from which it applies; the first step has none. */
export type Step = readonly [color: string, from?: number];

/** Series name → Grafana color, for series that mean good or bad. */
export type Colors = Readonly<Record<string, string>>;

const BY_THRESHOLD = new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
const LAST = new common.ReduceDataOptionsBuilder().calcs(['last']).fields('').values(false);

/**
 * A range query omits points without a value, so its last point may be old: Grafana would show a process that died half an hour ago
 * in green. With NaN for missing points, the last point is always the current one.
 */
const padWithNaN: (query: PanelOptions['queries'][number]) => PanelOptions['queries'][number] = ([
  expr,
  legend,
]) => [`(${expr}) or on () vector(NaN)`, legend];

/** Shows a text instead of NaN. */
function noValueMapping(text = 'No data'): ValueMapping {
  const result = { text, color: 'text', index: 0 };
  return { type: MappingType.SpecialValue, options: { match: SpecialValueMatch.NullAndNan, result } };
}

/** The current value with a sparkline. Without a current value it shows `noValue`, not the last known value. */
export function statPanel(
  options: PanelOptions & {
    readonly noValue?: string;
    readonly names?: boolean;
    /** Series name → thresholds, for series that need others. */
    readonly seriesThresholds?: Readonly<Record<string, readonly Step[]>>;
  },
): Builder<Panel> {
  const panel = new stat.PanelBuilder()
    .mappings([noValueMapping(options.noValue)])
    .min(0)
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .textMode(options.names ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Auto)
    .reduceOptions(LAST)
    .colorScheme(BY_THRESHOLD);
  if (options.noValue !== undefined) panel.noValue(options.noValue);
  for (const [name, steps] of Object.entries(options.seriesThresholds ?? {})) {
    panel.withOverride({
      matcher: { id: 'byName', options: name },
      properties: [{ id: 'thresholds', value: thresholds(steps).build() }],
    });
  }
  return applyOptions(panel, { ...options, queries: options.queries.map(padWithNaN) });
}

/** Lines over time. */
export function linesPanel(
  options: PanelOptions & {
    readonly stacked?: boolean;
    readonly colors?: Colors;
    readonly legendTable?: boolean;
  },
): Builder<Panel> {
  const panel = new timeseries.PanelBuilder()
    .min(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .lineWidth(options.stacked ? 0 : 2)
    .fillOpacity(options.stacked ? 70 : 8)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(options.legendTable ? common.LegendDisplayMode.Table : common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(options.legendTable ? ['lastNotNull', 'max'] : []),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (options.stacked) {
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  }
  if (options.thresholds !== undefined) {
    panel.thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
    );
  }
  for (const [name, color] of Object.entries(options.colors ?? {})) {
    panel.withOverride({
      matcher: { id: 'byName', options: name },
      properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }],
    });
  }
  return applyOptions(panel, options);
}

/** The current value between 0 and a maximum. Without a current value it shows `noValue`. */
export function gaugePanel(
  options: PanelOptions & { readonly max: number; readonly noValue?: string },
): Builder<Panel> {
  const panel = new gauge.PanelBuilder()
    .mappings([noValueMapping(options.noValue)])
    .min(0)
    .colorScheme(BY_THRESHOLD)
    .showThresholdLabels(false)
    .showThresholdMarkers(true)
    .reduceOptions(LAST);
  if (options.noValue !== undefined) panel.noValue(options.noValue);
  return applyOptions(panel, { ...options, queries: options.queries.map(padWithNaN) });
}

/** One bar per series, green while its value is 1. */
export function statesPanel(
  options: Omit<PanelOptions, 'unit'> & { readonly good: string; readonly bad: string },
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
          0: { text: options.bad, color: 'red', index: 0 },
          1: { text: options.good, color: 'green', index: 1 },
        },
      },
    ])
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    );
  return applyOptions(panel, { thresholds: [['red'], ['green', 1]], ...options, unit: 'none' });
}

/** A heatmap of a histogram, for a query made with `buckets`. */
export function heatPanel(options: PanelOptions): Builder<Panel> {
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
    .yAxis(new heatmap.YAxisConfigBuilder().unit(options.unit).axisPlacement(common.AxisPlacement.Left))
    .cellGap(1)
    .hideLegend();
  return applyOptions(panel, options, prometheus.PromQueryFormat.Heatmap);
}

/** One row per series with its current value; labels are the columns. */
export function tablePanel(
  options: PanelOptions & {
    /** Label → column title, in display order. */
    readonly columns: Readonly<Record<string, string>>;
    /** Columns that are not shown. */
    readonly hidden?: readonly string[];
  },
): Builder<Panel> {
  const hidden = Object.fromEntries(['Time', ...(options.hidden ?? [])].map((name) => [name, true]));
  const panel = new table.PanelBuilder()
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: hidden,
        indexByName: Object.fromEntries(Object.keys(options.columns).map((name, index) => [name, index])),
        renameByName: options.columns,
      },
    });
  return applyOptions(panel, options, prometheus.PromQueryFormat.Table);
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
  options: PanelOptions,
  format = prometheus.PromQueryFormat.TimeSeries,
): P {
  panel
    .title(options.title)
    .description(options.description)
    .datasource(PROMETHEUS)
    .unit(options.unit)
    .span(options.width)
    .height(options.height)
    .thresholds(thresholds(options.thresholds ?? [['green']]));
  if (options.decimals !== undefined) panel.decimals(options.decimals);
  if (options.max !== undefined) panel.max(options.max);
  for (const [index, [expr, legend]] of options.queries.entries()) {
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

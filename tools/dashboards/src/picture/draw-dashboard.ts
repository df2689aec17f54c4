import type { PanelDocument, Thresholds } from '../document.js';
import type { DashboardData } from './collect-data.js';
import type { Series, TimeRange } from './prometheus.js';
import { format, niceSteps } from './units.js';

/** Pixels: the picture, Grafana's grid, and the margins of a plot in its panel. */
const WIDTH = 1200;
const COLUMN = WIDTH / 24;
const ROW = 28;
const HEAD = 62;
const PLOT = { left: 62, right: 12, top: 26, axis: 18, legend: 15 };
/** Estimated width of a character and of a time label. */
const CHARACTER = 6;
const TIME_LABEL = 60;
const MAX_LEGEND_LINES = 2;

const INK = '#333333';
const FAINT = '#dddddd';
const NAMED: Readonly<Record<string, string>> = {
  green: '#2f9e44',
  yellow: '#d9a400',
  orange: '#e8590c',
  red: '#e03131',
  'dark-red': '#8f1d1d',
  blue: '#2f6fbf',
  purple: '#8a4fbf',
  text: INK,
};
/** Colors of series without a fixed one, in turn. */
const PALETTE = [
  '#2f9e44',
  '#2f6fbf',
  '#e8590c',
  '#8a4fbf',
  '#d9a400',
  '#0b8a8a',
  '#c2255c',
  '#7a5c3a',
  '#777777',
];

/** A series with its name in the legend. */
interface Named extends Series {
  readonly name: string;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws a dashboard as SVG, without heatmaps. */
export function drawDashboard(data: DashboardData): string {
  const { document, range, annotations, source } = data;
  const rows = Math.max(...document.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const height = HEAD + rows * ROW + 6;
  const day = new Date(range.to * 1000).toISOString().slice(0, 10);
  const note = `Rendered by this project from ${document.uid.replace('lamplighter-', '')}.json, not by Grafana. ${source}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11" fill="${INK}">`,
    `<title>${escaped(document.title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(8, 22, document.title, 'font-size="17" font-weight="bold"'),
    text(WIDTH - 8, 22, `${day} ${clock(range.from)} to ${clock(range.to)} UTC`, 'text-anchor="end"'),
    text(8, 40, note, 'font-size="10"'),
    ...legend(
      annotations.map(({ name, color }) => ({ name, color: NAMED[color] ?? color })),
      8,
      56,
      WIDTH,
    ),
    ...document.panels.flatMap((panel) => drawPanel(panel, data)),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(panel: PanelDocument, data: DashboardData): string[] {
  const { x, y, w, h } = panel.gridPos;
  const box = { x: x * COLUMN + 3, y: HEAD + y * ROW + 3, width: w * COLUMN - 6, height: h * ROW - 6 };
  if (panel.type === 'row')
    return [text(box.x + 4, box.y + 17, panel.title, 'font-size="14" font-weight="bold"')];
  const frame = `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" fill="none" stroke="${FAINT}"/>`;
  return [
    frame,
    text(box.x + 8, box.y + 16, panel.title, 'font-weight="bold"'),
    ...drawBody(panel, data, box),
  ];
}

function drawBody(panel: PanelDocument, data: DashboardData, box: Box): string[] {
  const series = seriesOf(panel, data);
  if (panel.type === 'heatmap') return message('heatmap: shown in Grafana only', box);
  if (panel.type === 'table') return drawTable(panel, series, box);
  if (series.length === 0) return message(panel.fieldConfig?.defaults.noValue ?? 'No data', box);
  if (panel.type === 'timeseries') return drawLines(panel, series, data, box);
  if (panel.type === 'state-timeline') return drawStates(panel, series, data, box);
  return drawNumbers(panel, series, box);
}

/** All series of a panel with their legends. */
function seriesOf(panel: PanelDocument, { series: seriesOfPanels }: DashboardData): Named[] {
  return (seriesOfPanels[panel.id] ?? []).flatMap((series, query) => {
    const legend = panel.targets?.[query]?.legendFormat ?? '';
    const nameOf = (labels: Series['labels']) =>
      legend.replaceAll(/[{]{2}\s*(\w+)\s*[}]{2}/g, (_, label: string) => labels[label] ?? '');
    return series.map((one) => ({ ...one, name: nameOf(one.labels) }));
  });
}

/** The newest value of each series, in the color of its threshold. */
function drawNumbers(panel: PanelDocument, series: readonly Named[], box: Box): string[] {
  const { unit, decimals, noValue = 'No data', thresholds } = panel.fieldConfig!.defaults;
  const width = box.width / series.length;
  return series.flatMap(({ name, values }, index) => {
    const value = values.at(-1) ?? undefined;
    const own = overridesOf(panel, name).find(({ id }) => id === 'thresholds')?.value as
      | Thresholds
      | undefined;
    const steps = (own ?? thresholds).steps;
    const step =
      value === undefined ? undefined : steps.findLast(({ value: from }) => from === null || value >= from);
    const shown = value === undefined ? noValue : format(value, unit, decimals);
    const size = Math.min(34, (1.5 * width) / shown.length, box.height / 2.5);
    const [x, y] = [box.x + (index + 0.5) * width, box.y + box.height / 2 + size / 2];
    const color = NAMED[step?.color ?? 'text'] ?? INK;
    const look = `text-anchor="middle" font-size="${size.toFixed(0)}" fill="${color}"`;
    return [
      text(x, y, shown, look),
      ...(series.length > 1 ? [text(x, y + 16, name, 'text-anchor="middle"')] : []),
    ];
  });
}

/** Lines over time with annotations. Unlike in Grafana, stacked series are drawn at their own values. */
function drawLines(
  panel: PanelDocument,
  series: readonly Named[],
  { range, annotations }: DashboardData,
  box: Box,
): string[] {
  const { unit, decimals, max } = panel.fieldConfig!.defaults;
  const colors = series.map(({ name }, index) => colorOf(panel, name, index));
  const entries = legend(
    series.map(({ name }, index) => ({ name, color: colors[index]! })),
    box.x + 8,
    box.y + box.height - 6,
    box.width - 16,
  );
  const highest = max ?? Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const [x0, x1] = [box.x + PLOT.left, box.x + box.width - PLOT.right];
  const [y0, y1] = [box.y + box.height - PLOT.axis - PLOT.legend * MAX_LEGEND_LINES, box.y + PLOT.top];
  const top = highest > 0 ? highest * 1.05 : 1;
  const x = timeScale(range, x0, x1);
  const y = (value: number) => y0 - (Math.min(value, top) / top) * (y0 - y1);
  const room = Math.max(1, Math.floor((y0 - y1) / 28));
  return [
    ...ticks(niceSteps(unit, decimals).find((step) => top / step <= room) ?? top, top).flatMap((tick) => [
      line(x0, y(tick), x1, y(tick)),
      text(x0 - 5, y(tick) + 4, format(tick, unit), 'text-anchor="end" font-size="10"'),
    ]),
    ...timeAxis(range, x0, x1, y0),
    ...annotations.flatMap(({ color, times }) =>
      times.map((time) => line(x(time), y1, x(time), y0, NAMED[color] ?? color, 'stroke-dasharray="3 3"')),
    ),
    ...series.map(
      ({ values }, index) =>
        `<path d="${path(values, (point) => x(range.from + point * range.step), y)}" fill="none" stroke="${colors[index]}" stroke-width="1.3"/>`,
    ),
    ...entries,
  ];
}

/** One bar per series, in the color mapped to its value; a gap where there is no value. */
function drawStates(
  panel: PanelDocument,
  series: readonly Named[],
  { range }: DashboardData,
  box: Box,
): string[] {
  const states = panel.fieldConfig?.defaults.mappings?.[0]?.options ?? {};
  const left = Math.max(...series.map(({ name }) => name.length)) * CHARACTER + 16;
  const [x0, x1] = [box.x + left, box.x + box.width - PLOT.right];
  const [y0, y1] = [box.y + box.height - PLOT.axis - PLOT.legend, box.y + PLOT.top];
  const x = timeScale(range, x0, x1);
  const row = (y0 - y1) / series.length;
  const bars = series.flatMap(({ name, values }, index) => {
    const y = y1 + index * row;
    const starts = values.flatMap((value, point) => (value === values[point - 1] ? [] : [point]));
    return [
      text(x0 - 6, y + row / 2 + 4, name, 'text-anchor="end" font-size="10"'),
      ...starts.flatMap((from, i) => {
        const state = states[String(values[from])];
        const until = starts[i + 1] ?? values.length - 1;
        const [start, end] = [x(range.from + from * range.step), x(range.from + until * range.step)];
        const color = NAMED[state?.color ?? ''];
        if (color === undefined) return [];
        return [
          `<rect x="${short(start)}" y="${short(y + 2)}" width="${short(end - start)}" height="${short(row - 4)}" fill="${color}"/>`,
        ];
      }),
    ];
  });
  const known = Object.values(states).map(({ text: name, color }) => ({
    name,
    color: NAMED[color] ?? color,
  }));
  return [
    ...bars,
    ...timeAxis(range, x0, x1, y0),
    ...legend(known, box.x + 8, box.y + box.height - 6, box.width),
  ];
}

/** One line per series: its visible labels and its value. */
function drawTable(panel: PanelDocument, series: readonly Named[], box: Box): string[] {
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options;
  if (series.length === 0 || organize === undefined) return message('No data', box);
  return series.slice(0, Math.floor((box.height - 30) / 16)).map(({ labels, values }, index) => {
    const cells = Object.entries({ ...labels, Value: String(values[0] ?? '') })
      .filter(([name]) => !organize.excludeByName[name])
      .sort(([a], [b]) => (organize.indexByName[a] ?? 99) - (organize.indexByName[b] ?? 99))
      .map(([name, value]) => `${organize.renameByName[name] ?? name}: ${value}`);
    return text(box.x + 8, box.y + 36 + index * 16, cells.join('   '));
  });
}

function overridesOf(panel: PanelDocument, name: string) {
  return panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties ?? [];
}

function colorOf(panel: PanelDocument, name: string, index: number): string {
  const own = overridesOf(panel, name).find((property) => property.id === 'color')?.value.fixedColor;
  return own === undefined ? PALETTE[index % PALETTE.length]! : (NAMED[own] ?? own);
}

/** Names with their colors; the last line is at `y`. Entries that do not fit are counted. */
function legend(
  entries: readonly { readonly name: string; readonly color: string }[],
  x: number,
  y: number,
  width: number,
): string[] {
  const lines: { name: string; color: string; at: number }[][] = [[]];
  let at = 0;
  let left = entries.length;
  for (const { name, color } of entries) {
    const needed = name.length * CHARACTER + 26;
    if (at > 0 && at + needed > width - (lines.length === MAX_LEGEND_LINES ? 60 : 0)) {
      if (lines.length === MAX_LEGEND_LINES) break;
      lines.push([]);
      at = 0;
    }
    lines.at(-1)!.push({ name, color, at });
    at += needed;
    left -= 1;
  }
  const drawn = lines.flatMap((line, index) => {
    const base = y - (lines.length - 1 - index) * PLOT.legend;
    return line.flatMap((entry) => [
      `<rect x="${x + entry.at}" y="${base - 6}" width="10" height="4" fill="${entry.color}"/>`,
      text(x + entry.at + 14, base, entry.name, 'font-size="10"'),
    ]);
  });
  return left === 0 ? drawn : [...drawn, text(x + at, y, `and ${left} more`, 'font-size="10"')];
}

function timeAxis({ from, to }: TimeRange, x0: number, x1: number, y: number): string[] {
  const most = Math.max(1, Math.floor((x1 - x0) / TIME_LABEL));
  const every = 60 * ([1, 2, 5, 10, 15, 30, 60].find((minutes) => (to - from) / 60 / minutes <= most) ?? 120);
  const x = timeScale({ from, to }, x0, x1);
  return ticks(every, to, Math.ceil(from / every) * every).map((time) =>
    text(x(time), y + 13, clock(time), 'text-anchor="middle" font-size="10"'),
  );
}

/** A line through the values, with gaps for missing ones. Points between equal neighbors are left out. */
function path(values: Series['values'], x: (point: number) => number, y: (value: number) => number): string {
  let command = 'M';
  const parts: string[] = [];
  for (const [point, value] of values.entries()) {
    if (value === null) command = 'M';
    else if (value !== values[point - 1] || value !== values[point + 1]) {
      parts.push(`${command}${short(x(point))} ${short(y(value))}`);
      command = 'L';
    }
  }
  return parts.join('');
}

const ticks = (step: number, to: number, from = 0) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
const timeScale =
  ({ from, to }: Pick<TimeRange, 'from' | 'to'>, x0: number, x1: number) =>
  (time: number) =>
    x0 + ((time - from) / (to - from)) * (x1 - x0);
const message = (what: string, { x, y, width, height }: Box) => [
  text(x + width / 2, y + height / 2 + 8, what, 'text-anchor="middle" fill="#777777"'),
];
const clock = (seconds: number) => new Date(seconds * 1000).toISOString().slice(11, 16);
const short = (value: number) => String(Math.round(value * 10) / 10);
const escaped = (value: string) => value.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function text(x: number, y: number, value: string, more = ''): string {
  return `<text x="${short(x)}" y="${short(y)}" ${more}>${escaped(value)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, color = FAINT, more = ''): string {
  return `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" stroke="${color}" ${more}/>`;
}

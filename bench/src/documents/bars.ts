import { bar, GRID, INK, line, svg, text } from './svg.js';

/** A picture of horizontal bars: panels with a row per label, each row a bar of segments. */
export interface Bars {
  readonly title: string;
  /** The meaning of the segments, in order. */
  readonly legend: readonly string[];
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly label: string;
  /** Lengths, in the unit of the panel. */
  readonly segments: readonly number[];
  /** Printed after the bar. */
  readonly value: string;
  readonly isEmphasized?: boolean;
}

const PANEL_WIDTH = 380;
const COLUMNS = 2;
const HEAD = 62;
const ROW = 20;
const TITLE = 30;
const LABELS = 130;
/** Space for the text after the longest bar. */
const VALUES = 76;
const COLOURS = ['#2f6f9f', '#9cc3e0'];
const EMPHASIS = ['#d9822b', '#f2c894'];

/** Draws the panels in two columns, each with its own scale, which starts at 0. */
export function drawBars({ title, legend, panels }: Bars): string {
  const panelHeight = TITLE + ROW * Math.max(...panels.map(({ rows }) => rows.length)) + 14;
  const height = HEAD + panelHeight * Math.ceil(panels.length / COLUMNS);
  const drawn = panels.map((panel, i) =>
    drawPanel(panel, (i % COLUMNS) * PANEL_WIDTH, HEAD + Math.floor(i / COLUMNS) * panelHeight),
  );
  return svg(PANEL_WIDTH * COLUMNS, height, title, [
    ...legend.flatMap((label, i) => [
      bar(16 + i * 150, 38, 12, 12, EMPHASIS[i]!),
      bar(30 + i * 150, 38, 12, 12, COLOURS[i]!),
      text(48 + i * 150, 48, label),
    ]),
    ...drawn,
  ]);
}

function drawPanel({ title, rows }: Panel, x: number, y: number): string {
  const longest = Math.max(...rows.map(({ segments }) => sum(segments)));
  const scale = (PANEL_WIDTH - LABELS - VALUES) / longest;
  const [left, top] = [x + LABELS, y + TITLE];
  return [
    text(x + 16, y + 18, title, 'font-weight="bold"'),
    line(left, top - 2, left, top + rows.length * ROW, GRID),
    ...rows.flatMap(({ label, segments, value, isEmphasized }, i) => {
      const colours = isEmphasized ? EMPHASIS : COLOURS;
      const rowTop = top + i * ROW;
      const from = (segment: number) => left + sum(segments.slice(0, segment)) * scale;
      return [
        text(left - 6, rowTop + 12, label, `text-anchor="end" font-size="11" fill="${INK}"`),
        ...segments.map((length, segment) =>
          bar(from(segment), rowTop + 1, length * scale, ROW - 6, colours[segment]!),
        ),
        text(from(segments.length) + 5, rowTop + 12, value, 'font-size="11"'),
      ];
    }),
  ].join('\n');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

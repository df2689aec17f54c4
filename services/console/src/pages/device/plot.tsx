import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { themeColour, watchTheme } from '../../elements/theme-colours.js';
import type { PlotSeries } from './plot-series.js';
import type { Threshold } from './thresholds.js';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 260;
/** The share of the height in which the switch is drawn. */
const SWITCH_HEIGHT = 10;

/** Where the drawn time span is, CSS pixels: for what is laid over the plot. */
export interface PlotFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly from: number;
  readonly to: number;
}

interface PlotProps {
  readonly name: string;
  readonly series: PlotSeries;
  readonly thresholds: readonly Threshold[];
  readonly onFrame: (frame: PlotFrame) => void;
}

/** A live line of one measurement, with the limits of rules and a band while the switch is on. */
export function Plot({ name, series, thresholds, onFrame }: PlotProps) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef({ series, thresholds, onFrame });
  latest.current = { series, thresholds, onFrame };
  const theme = useThemeCount();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme needs new colours, so a new plot
  useEffect(() => {
    const parent = element.current;
    if (parent === null) return;
    const created = new uPlot(optionsOf(parent, name, latest), dataOf(latest.current.series), parent);
    plot.current = created;
    const resizes = new ResizeObserver(() => created.setSize({ width: parent.clientWidth, height: HEIGHT }));
    resizes.observe(parent);
    return () => {
      resizes.disconnect();
      created.destroy();
    };
  }, [name, theme]);

  useEffect(() => {
    plot.current?.setData(dataOf(series));
  }, [series]);
  return <div className="plot" ref={element} />;
}

function dataOf({ times, values }: PlotSeries): uPlot.AlignedData {
  return [times as number[], values as (number | null)[]];
}

/** Incremented when the theme changes. */
function useThemeCount(): number {
  const [count, setCount] = useState(0);
  useEffect(() => watchTheme(() => setCount((before) => before + 1)), []);
  return count;
}

type Latest = { readonly current: Pick<PlotProps, 'series' | 'thresholds' | 'onFrame'> };

function optionsOf(parent: HTMLElement, name: string, latest: Latest): uPlot.Options {
  const colour = (variable: string) => themeColour(parent, variable);
  const font = `12px ${getComputedStyle(parent).fontFamily}`;
  const [lamp, warn] = [colour('--lamp'), colour('--warn')];
  const axis = {
    stroke: colour('--muted'),
    font,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1, size: 4 },
  };
  return {
    width: parent.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: true },
      y: { range: (_, least, most) => rangeWith(least, most, latest.current.thresholds) },
    },
    axes: [
      { ...axis, space: 70, values: (_, times) => times.map(timeLabel) },
      { ...axis, size: 52 },
    ],
    series: [
      {},
      { label: name, stroke: colour('--accent'), width: 1.6, spanGaps: false, points: { show: false } },
    ],
    hooks: {
      drawClear: [(u) => drawSwitch(u, latest.current.series, lamp)],
      draw: [
        (u) => drawThresholds(u, latest.current.thresholds, { line: warn, font }),
        (u) => latest.current.onFrame(frameOf(u)),
      ],
    },
  };
}

const label = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const timeLabel = (seconds: number) => label.format(seconds * 1000);

/** The limits are always visible. */
function rangeWith(
  least: number | null,
  most: number | null,
  thresholds: readonly Threshold[],
): [number, number] {
  const values = [
    ...thresholds.map(({ value }) => value),
    ...(least === null || most === null ? [] : [least, most]),
  ];
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.1;
  return [low - margin, high + margin];
}

function frameOf({ bbox, scales }: uPlot): PlotFrame {
  const scale = devicePixelRatio;
  return {
    left: bbox.left / scale,
    top: bbox.top / scale,
    width: bbox.width / scale,
    height: bbox.height / scale,
    from: (scales.x?.min ?? 0) * 1000,
    to: (scales.x?.max ?? 0) * 1000,
  };
}

/** A band at the bottom while the switch is on. */
function drawSwitch(u: uPlot, { times, switched }: PlotSeries, colour: string): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = colour;
  const height = (SWITCH_HEIGHT / HEIGHT) * bbox.height;
  for (const [index, isOn] of switched.entries()) {
    const [from, to] = [times[index], times[index + 1]];
    if (isOn !== 1 || from === undefined || to === undefined) continue;
    const left = u.valToPos(from, 'x', true);
    ctx.fillRect(left, bbox.top + bbox.height - height, u.valToPos(to, 'x', true) - left + 0.5, height);
  }
  ctx.restore();
}

function drawThresholds(
  u: uPlot,
  thresholds: readonly Threshold[],
  { line, font }: { line: string; font: string },
): void {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = line;
  ctx.fillStyle = line;
  ctx.lineWidth = scale;
  ctx.setLineDash([5 * scale, 4 * scale]);
  ctx.font = font.replace('12px', `${11 * scale}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  let [left, above] = [6, Number.NEGATIVE_INFINITY];
  for (const { value, label: text } of [...thresholds].sort((one, other) => other.value - one.value)) {
    const y = u.valToPos(value, 'y', true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    // Labels of limits that are close to each other stand side by side.
    left = y - above < 14 * scale ? left + ctx.measureText(text).width / scale + 16 : 6;
    ctx.fillText(text, bbox.left + left * scale, y - 2 * scale);
    above = y;
  }
  ctx.restore();
}

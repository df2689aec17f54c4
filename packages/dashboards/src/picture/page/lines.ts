import uPlot from 'uplot';
import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { colorOf, faded, named } from './colors.js';
import { AXIS_COLOR, clock, element, FONT, GRID_COLOR, wholeMinutes } from './dom.js';
import { type Field, fieldsOf } from './field.js';
import { format } from './units.js';

/** Lines over time, one upon the other if the panel stacks them, with a legend below and marks of what happened. */
export function drawLines(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const fields = fieldsOf(panel, scene);
  if (fields.length === 0) {
    into.append(element('div', 'nothing', 'No data'));
    return;
  }
  const colors = fields.map(({ name }, index) => colorOf(panel, name, index));
  const plot = element('div', 'plot');
  into.append(plot, legend(fields, colors));
  const stacked = panel.fieldConfig?.defaults.custom?.stacking?.mode === 'normal';
  new uPlot(optionsOf(panel, scene, fields, colors, plot, stacked), dataOf(scene, fields, stacked), plot);
}

export function legend(fields: readonly { readonly name: string }[], colors: readonly string[]): HTMLElement {
  const entries = fields.map(({ name }, index) => {
    const color = element('span', 'legend-color');
    color.style.background = colors[index]!;
    return element('span', 'legend-entry', color, name);
  });
  return element('div', 'legend', ...entries);
}

function dataOf({ range }: Scene, fields: readonly Field[], stacked: boolean): uPlot.AlignedData {
  const times = fields[0]!.values.map((_, index) => range.from + index * range.step);
  if (!stacked) return [times, ...fields.map(({ values }) => [...values])];
  const sums = times.map(() => 0);
  // Where one has no value the others stand on what is below it; where none has there is a gap.
  const isGap = times.map((_, index) => fields.every(({ values }) => values[index] === null));
  return [
    times,
    ...fields.map(({ values }) =>
      values.map((value, index) => {
        sums[index] = (sums[index] ?? 0) + (value ?? 0);
        return isGap[index] ? null : sums[index];
      }),
    ),
  ] as uPlot.AlignedData;
}

function optionsOf(
  panel: PanelDocument,
  scene: Scene,
  fields: readonly Field[],
  colors: readonly string[],
  plot: HTMLElement,
  stacked: boolean,
): uPlot.Options {
  const { unit, decimals, max, custom } = panel.fieldConfig!.defaults;
  const axis = {
    stroke: AXIS_COLOR,
    font: FONT,
    grid: { stroke: GRID_COLOR, width: 1 },
    ticks: { show: false },
  };
  const fill = (custom?.fillOpacity ?? 0) / 100;
  return {
    width: plot.clientWidth,
    height: plot.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 12, 0, 0],
    scales: {
      x: { time: true, range: [scene.range.from, scene.range.to] },
      y: { range: (_, _low, high) => [0, max ?? (high > 0 ? high * 1.08 : 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        splits: () => wholeMinutes(scene.range.from, scene.range.to, plot.clientWidth - 60),
        values: (_, times) => times.map(clock),
      },
      {
        ...axis,
        gap: 6,
        space: 28,
        values: (_, ticks) => ticks.map((tick) => format(tick, unit, decimals === 0 ? undefined : decimals)),
        size: (_, texts) => Math.max(...(texts ?? []).map((text) => text.length), 2) * 6.6 + 12,
        ...(unit === 'bytes' && { incrs: powersOfTwo() }),
        ...(unit === 's' && { incrs: TIMES }),
        ...(decimals === 0 && unit !== 's' && { incrs: wholeNumbers() }),
      },
    ],
    series: [
      {},
      ...fields.map((_, index) => ({
        stroke: colors[index]!,
        width: custom?.lineWidth ?? 1,
        ...(!stacked && fill > 0 && { fill: faded(colors[index]!, fill) }),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    // Each is filled down to the one below it, and the lowest to the axis.
    ...(stacked && {
      bands: fields.slice(1).map((_, index) => ({
        series: [index + 2, index + 1] as [number, number],
        fill: faded(colors[index + 1]!, fill),
      })),
    }),
    hooks: {
      ...(stacked && { drawAxes: [(u: uPlot) => fillLowest(u, faded(colors[0]!, fill))] }),
      draw: [(u: uPlot) => drawThresholds(u, panel), (u: uPlot) => drawMarks(u, scene)],
    },
  };
}

function fillLowest(u: uPlot, color: string): void {
  const { ctx } = u;
  const [times, values] = [u.data[0], u.data[1] ?? []];
  const bottom = u.bbox.top + u.bbox.height;
  ctx.save();
  ctx.fillStyle = color;
  ctx.beginPath();
  let before: number | undefined;
  for (const [index, value] of values.entries()) {
    const x = u.valToPos(times[index] ?? 0, 'x', true);
    if (value === null || value === undefined) {
      if (before !== undefined) ctx.lineTo(before, bottom);
      before = undefined;
      continue;
    }
    if (before === undefined) ctx.moveTo(x, bottom);
    ctx.lineTo(x, u.valToPos(value, 'y', true));
    before = x;
  }
  if (before !== undefined) ctx.lineTo(before, bottom);
  ctx.fill();
  ctx.restore();
}

function drawThresholds(u: uPlot, { fieldConfig }: PanelDocument): void {
  const { custom, thresholds } = fieldConfig!.defaults;
  if (custom?.thresholdsStyle?.mode !== 'dashed') return;
  for (const { color, value } of thresholds.steps) {
    if (value === null || value > (u.scales.y?.max ?? 0)) continue;
    const y = u.valToPos(value, 'y', true);
    line(u, named(color), [u.bbox.left, y], [u.bbox.left + u.bbox.width, y]);
  }
}

/** A dashed line with a triangle at its foot. */
export function drawMarks(u: uPlot, { marks }: Scene): void {
  const bottom = u.bbox.top + u.bbox.height;
  for (const { color, times } of marks) {
    for (const time of times) {
      const x = u.valToPos(time, 'x', true);
      line(u, named(color), [x, u.bbox.top], [x, bottom]);
      u.ctx.fillStyle = named(color);
      u.ctx.beginPath();
      u.ctx.moveTo(x - 4, bottom + 6);
      u.ctx.lineTo(x + 4, bottom + 6);
      u.ctx.lineTo(x, bottom);
      u.ctx.fill();
    }
  }
}

function line({ ctx }: uPlot, color: string, from: [number, number], to: [number, number]): void {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 4]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
}

/** Below a second tens, above it what clocks have. */
const TIMES = [
  ...[-6, -5, -4, -3, -2, -1].flatMap((exponent) => [1, 2, 5].map((n) => n * 10 ** exponent)),
  ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400],
];
const powersOfTwo = () => Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);
const wholeNumbers = () =>
  [1, 2, 5].flatMap((n) => Array.from({ length: 9 }, (_, e) => n * 10 ** e)).sort((a, b) => a - b);

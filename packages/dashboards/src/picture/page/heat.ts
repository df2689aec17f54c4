import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { AXIS_COLOR, canvas, clock, element, wholeMinutes } from './dom.js';
import { type Field, fieldsOf } from './field.js';
import { format } from './units.js';

const FOOT = 22;
const LEFT = 58;
/** From few to many. */
const SCALE = ['#3d2206', '#7a3f08', '#b85c0a', '#e67e22', '#f9a94f', '#fdd5a0', '#fff1dc'];

/** How many observations each bucket got at each time: the brighter, the more. */
export function drawHeat(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const buckets = countsOf(fieldsOf(panel, scene));
  const most = Math.max(...buckets.flatMap(({ values }) => values.map((value) => value ?? 0)));
  if (!(most > 0)) {
    into.append(element('div', 'nothing', 'No data'));
    return;
  }
  const [width, height] = [into.clientWidth, into.clientHeight];
  const [made, context] = canvas(width, height);
  const { from, to, step } = scene.range;
  const x = (time: number) => LEFT + ((time - from) / (to - from)) * (width - LEFT - 12);
  const row = (height - FOOT - 6) / buckets.length;
  const unit = panel.fieldConfig!.defaults.unit;
  const labelEvery = Math.ceil(14 / row);
  context.fillStyle = AXIS_COLOR;
  context.textBaseline = 'middle';
  for (const [index, { name, values }] of buckets.entries()) {
    const top = height - FOOT - (index + 1) * row;
    context.textAlign = 'right';
    context.fillStyle = AXIS_COLOR;
    if (index % labelEvery === 0) context.fillText(bound(name, unit), LEFT - 8, top + row / 2);
    for (const [point, value] of values.entries()) {
      if (!value || value <= 0) continue;
      context.fillStyle =
        SCALE[Math.min(SCALE.length - 1, Math.floor(Math.sqrt(value / most) * SCALE.length))]!;
      const start = x(from + point * step);
      context.fillRect(start, top + 0.5, x(Math.min(to, from + (point + 1) * step)) - start + 0.3, row - 1);
    }
  }
  context.fillStyle = AXIS_COLOR;
  context.textAlign = 'center';
  for (const time of wholeMinutes(from, to, width - LEFT))
    context.fillText(clock(time), x(time), height - FOOT / 2);
  into.append(made);
}

const bound = (le: string, unit: string) => (le === '+Inf' ? '∞' : format(Number(le), unit));

/** A histogram counts what is at most a bound: each bucket less the one below it, the lowest first. */
function countsOf(fields: readonly Field[]): Field[] {
  const sorted = [...fields].sort((a, b) => edge(a) - edge(b));
  return sorted.map((field, index) => {
    const below = sorted[index - 1]?.values;
    return {
      ...field,
      values: field.values.map((value, point) => (value === null ? null : value - (below?.[point] ?? 0))),
    };
  });
}

const edge = ({ labels }: Field) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le));

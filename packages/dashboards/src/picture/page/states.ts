import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { faded, named } from './colors.js';
import { AXIS_COLOR, canvas, clock, element, wholeMinutes } from './dom.js';
import { fieldsOf } from './field.js';
import { legend } from './lines.js';

const FOOT = 22;

/** A bar per series, in the colour that the panel maps its value to; nothing where there was no value. */
export function drawStates(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const fields = fieldsOf(panel, scene);
  const states = panel.fieldConfig?.defaults.mappings?.[0]?.options ?? {};
  const plot = element('div', 'plot');
  const known = Object.values(states);
  into.append(
    plot,
    legend(
      known.map(({ text }) => ({ name: text })),
      known.map(({ color }) => named(color)),
    ),
  );
  const [width, height] = [plot.clientWidth, plot.clientHeight];
  const [made, context] = canvas(width, height);
  const left = Math.max(...fields.map(({ name }) => context.measureText(name).width)) + 14;
  const row = (height - FOOT) / fields.length;
  const thick = Math.min(row * 0.8, 26);
  const { from, to, step } = scene.range;
  const x = (time: number) => left + ((time - from) / (to - from)) * (width - left - 12);
  for (const [index, { name, values }] of fields.entries()) {
    const middle = row * (index + 0.5);
    context.fillStyle = AXIS_COLOR;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.fillText(name, left - 8, middle);
    for (const { value, first, end } of runsOf(values)) {
      const state = states[String(value)];
      if (state === undefined) continue;
      context.fillStyle = faded(named(state.color), 0.8);
      const start = x(from + first * step);
      context.fillRect(start, middle - thick / 2, x(Math.min(to, from + end * step)) - start, thick);
    }
  }
  context.fillStyle = AXIS_COLOR;
  context.textAlign = 'center';
  for (const time of wholeMinutes(from, to, width - left))
    context.fillText(clock(time), x(time), height - FOOT / 2);
  plot.append(made);
}

/** Neighbours of the same value are one bar, from the first of them until before the end. */
function runsOf(values: readonly (number | null)[]): { value: number | null; first: number; end: number }[] {
  const runs: { value: number | null; first: number; end: number }[] = [];
  for (const [point, value] of values.entries()) {
    const last = runs.at(-1);
    if (last?.value === value) last.end = point + 1;
    else runs.push({ value, first: point, end: point + 1 });
  }
  return runs;
}

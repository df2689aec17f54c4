import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { faded, named } from './colors.js';
import { AXIS_COLOR, canvas, clock, element } from './dom.js';
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
    for (const [point, value] of values.entries()) {
      const state = value === null ? undefined : states[String(value)];
      if (state === undefined) continue;
      context.fillStyle = faded(named(state.color), 0.8);
      const start = x(from + point * step);
      context.fillRect(
        start,
        middle - thick / 2,
        x(Math.min(to, from + (point + 1) * step)) - start + 0.5,
        thick,
      );
    }
  }
  context.fillStyle = AXIS_COLOR;
  context.textAlign = 'center';
  for (const time of wholeMinutes(from, to)) context.fillText(clock(time), x(time), height - FOOT / 2);
  plot.append(made);
}

/** Not more than eight round times. */
export function wholeMinutes(from: number, to: number): number[] {
  const every = 60 * ([1, 2, 5, 10, 15, 30, 60].find((minutes) => (to - from) / 60 / minutes <= 8) ?? 120);
  const times: number[] = [];
  for (let time = Math.ceil(from / every) * every; time <= to; time += every) times.push(time);
  return times;
}

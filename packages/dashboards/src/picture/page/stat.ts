import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { faded, thresholdColor } from './colors.js';
import { canvas, element } from './dom.js';
import { type Field, fieldsOf, lastOf } from './field.js';
import { format } from './units.js';

const NO_VALUE = '#ccccdc';

/** The newest value of each series, large, in the colour of its threshold, over the line that led there. */
export function drawStat(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const fields = fieldsOf(panel, scene);
  const config = panel.fieldConfig!;
  const { unit, decimals, noValue = 'No data' } = config.defaults;
  if (fields.length === 0) {
    into.append(element('div', 'nothing', noValue));
    return;
  }
  const width = into.clientWidth / fields.length;
  const height = into.clientHeight;
  const named = panel.options?.textMode === 'value_and_name' || fields.length > 1;
  for (const field of fields) {
    const value = lastOf(field);
    const color = value === undefined ? NO_VALUE : thresholdColor(config, value, field.name);
    const text = value === undefined ? noValue : format(value, unit, decimals);
    const number = element('div', 'number', ...withSmallUnit(text));
    number.style.color = color;
    number.style.fontSize = `${Math.min(height * 0.36, (width * 1.4) / text.length, width / 3)}px`;
    const box = element('div', 'stat', spark(field, width, height, color));
    box.append(
      element('div', 'stat-text', ...(named ? [element('div', 'stat-name', field.name)] : []), number),
    );
    into.append(box);
  }
}

function withSmallUnit(text: string): (Node | string)[] {
  const [, number = text, unit = ''] = /^([\d.-]+)(.*)$/.exec(text) ?? [];
  return [number, element('span', 'small-unit', unit)];
}

/** The line fills the lower third. */
function spark({ values }: Field, width: number, height: number, color: string): HTMLCanvasElement {
  const [made, context] = canvas(width, height);
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 1e-9);
  const base = height - 1;
  const y = (value: number) => base - (value / most) * height * 0.34;
  const x = (index: number) => (index / Math.max(1, values.length - 1)) * width;
  context.beginPath();
  let started = false;
  let last = 0;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (started) context.lineTo(x(index), y(value));
    else context.moveTo(x(index), y(value));
    if (!started) last = index;
    started = true;
  }
  const end = values.findLastIndex((value) => value !== null);
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.stroke();
  context.lineTo(x(end), base);
  context.lineTo(x(last), base);
  context.fillStyle = faded(color, 0.18);
  context.fill();
  return made;
}

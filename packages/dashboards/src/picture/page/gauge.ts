import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { named, thresholdColor } from './colors.js';
import { canvas, element } from './dom.js';
import { fieldsOf, lastOf } from './field.js';
import { format } from './units.js';

/** The arc of a gauge, radians: open below. */
const START = Math.PI * 0.8;
const SWEEP = Math.PI * 1.4;

/** The newest value as an arc between 0 and the maximum, with a thin ring that shows the thresholds. */
export function drawGauge(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const config = panel.fieldConfig!;
  const { unit, decimals, max = 1, thresholds, noValue } = config.defaults;
  const [field] = fieldsOf(panel, scene);
  const value = field && lastOf(field);
  if (field === undefined || value === undefined) {
    into.append(element('div', 'nothing', noValue ?? 'No data'));
    return;
  }
  const [width, height] = [into.clientWidth, into.clientHeight];
  const [made, context] = canvas(width, height);
  const radius = Math.min(width * 0.42, height * 0.52);
  const [x, y] = [width / 2, height / 2 + radius * 0.18];
  const at = (share: number) => START + SWEEP * Math.min(1, Math.max(0, share));
  const arc = (from: number, to: number, size: number, thick: number, color: string) => {
    context.beginPath();
    context.arc(x, y, size, at(from), at(to));
    context.lineWidth = thick;
    context.strokeStyle = color;
    context.stroke();
  };
  const thick = radius * 0.24;
  arc(0, 1, radius - thick, thick, '#ccccdc1a');
  arc(0, value / max, radius - thick, thick, thresholdColor(config, value, field.name));
  for (const [index, step] of thresholds.steps.entries()) {
    const to = thresholds.steps[index + 1]?.value ?? max;
    arc((step.value ?? 0) / max, to / max, radius - thick * 0.3, thick * 0.18, named(step.color));
  }
  context.fillStyle = thresholdColor(config, value, field.name);
  context.font = `500 ${radius * 0.36}px Inter, sans-serif`;
  context.textAlign = 'center';
  context.fillText(format(value, unit, decimals), x, y + radius * 0.14);
  into.append(made);
}

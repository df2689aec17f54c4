import { dot, line, place, svg, text } from '../../documents/svg.js';
import type { PolicyResult } from './compare-policies.js';

const PANEL = { width: 340, height: 300 };
const HEAD = 58;
const PLOT = { left: 52, right: 14, top: 30, bottom: 44 };
const READINGS = { from: 1000, to: 100_000, ticks: [1000, 10_000, 100_000] };
const DELAY = { from: 0.2, to: 60, ticks: [0.2, 1, 5, 20, 60] };
const FIXED = '#2f6f9f';
const ADAPTIVE = '#d9822b';

/** Draws mean delay against readings a day, one panel per sky, both axes logarithmic: closer to the lower left is better. */
export function drawIntervals(results: readonly PolicyResult[], title: string): string {
  const skies = [...new Set(results.map(({ sky }) => sky))];
  const [width, height] = [PANEL.width * skies.length, HEAD + PANEL.height];
  return svg(width, height, title, [
    dot(22, 44, FIXED),
    text(32, 48, 'fixed interval'),
    dot(142, 44, ADAPTIVE),
    text(152, 48, 'adaptive; in brackets: changes that were missed'),
    ...skies.map((sky, i) =>
      panel(
        results.filter((result) => result.sky === sky),
        sky,
        i * PANEL.width,
      ),
    ),
  ]);
}

function panel(results: readonly PolicyResult[], sky: string, left: number): string {
  const [x0, x1] = [left + PLOT.left, left + PANEL.width - PLOT.right];
  const [y0, y1] = [HEAD + PANEL.height - PLOT.bottom, HEAD + PLOT.top];
  const x = scale(READINGS, x0, x1);
  const y = scale(DELAY, y0, y1);
  const points = results.map((result) => ({ ...result, x: x(result.readings), y: y(result.meanDelay) }));
  const fixed = points.filter(({ isAdaptive }) => !isAdaptive);
  return [
    text(x0, HEAD + 16, sky, 'font-weight="bold"'),
    ...READINGS.ticks.flatMap((tick) => [
      line(x(tick), y0, x(tick), y1),
      text(x(tick), y0 + 15, tick.toLocaleString('en'), 'text-anchor="middle" font-size="10"'),
    ]),
    ...DELAY.ticks.flatMap((tick) => [
      line(x0, y(tick), x1, y(tick)),
      text(x0 - 5, y(tick) + 4, `${tick} s`, 'text-anchor="end" font-size="10"'),
    ]),
    text((x0 + x1) / 2, y0 + 32, 'readings a day', 'text-anchor="middle"'),
    `<polyline points="${fixed.map((point) => `${place(point.x)},${place(point.y)}`).join(' ')}" fill="none" stroke="${FIXED}"/>`,
    ...points.map(({ isAdaptive, name, missed, changes, ...at }) => {
      const isRight = at.x > (x0 + x1) / 2;
      const share = missed === 0 ? '' : ` (${Math.round((100 * missed) / changes)} %)`;
      const label = name.replace('every ', '').replace('adaptive, ', '') + share;
      return [
        dot(at.x, at.y, isAdaptive ? ADAPTIVE : FIXED),
        text(
          at.x + (isRight ? -8 : 8),
          at.y - 6,
          label,
          `font-size="10"${isRight ? ' text-anchor="end"' : ''}`,
        ),
      ].join('\n');
    }),
  ].join('\n');
}

function scale({ from, to }: { from: number; to: number }, start: number, end: number) {
  return (value: number) => {
    const part = Math.log(Math.min(to, Math.max(from, value)) / from) / Math.log(to / from);
    return start + part * (end - start);
  };
}

import type { PolicyResult } from './compare-policies.js';

const PANEL = { width: 340, height: 300 };
const HEAD = 58;
const PLOT = { left: 52, right: 14, top: 30, bottom: 44 };
const READINGS = { from: 1000, to: 100_000, ticks: [1000, 10_000, 100_000] };
const DELAY = { from: 0.2, to: 60, ticks: [0.2, 1, 5, 20, 60] };
const FIXED = '#2f6f9f';
const ADAPTIVE = '#d9822b';
const INK = '#333333';

/** Draws mean delay against readings a day, a panel per sky, both axes logarithmic: down and to the left is better. */
export function drawIntervals(results: readonly PolicyResult[], title: string): string {
  const skies = [...new Set(results.map(({ sky }) => sky))];
  const [width, height] = [PANEL.width * skies.length, HEAD + PANEL.height];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 26, title, 'font-size="16" font-weight="bold"'),
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
    '</svg>',
    '',
  ].join('\n');
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

function dot(x: number, y: number, color: string): string {
  return `<circle cx="${place(x)}" cy="${place(y)}" r="4.5" fill="${color}"/>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" stroke="#dddddd"/>`;
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${place(x)}" y="${place(y)}"${more && ` ${more}`}>${words}</text>`;
}

/** One digit behind the point is finer than a pixel. */
function place(value: number): string {
  return value.toFixed(1).replace(/[.]0$/, '');
}

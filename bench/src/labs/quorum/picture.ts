import { GRID, INK, line, bar as rectangle, svg, text } from '../../documents/svg.js';
import type { Result } from './experiment.js';
import type { Interval } from './interval.js';

const PANEL = { width: 320, height: 178, columns: 3 };
const HEAD = 64;
const LABELS = 100;
const ROW = 20;
const TOP = 26;
/** The longest bar: half a day. */
const LONGEST_MINUTES = 720;
const HALF = (PANEL.width - LABELS - 16) / 2;
const TICKS_MINUTES = [10, 120, 720];
const MISSED = '#2f6f9f';
const FALSE = '#d9822b';

/**
 * Draws how long the lights were wrong, one panel per scenario: missed-on to the left, false-on to the right, with 95 % intervals. Lengths
 * are square roots of minutes, so that a minute is visible next to half a day.
 */
export function drawPicture(results: readonly Result[], title: string): string {
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  const rows = Math.ceil(scenarios.length / PANEL.columns);
  const [width, height] = [PANEL.width * PANEL.columns, HEAD + PANEL.height * rows + 8];
  const panels = scenarios.map((scenario, i) => {
    const [x, y] = [(i % PANEL.columns) * PANEL.width, HEAD + Math.floor(i / PANEL.columns) * PANEL.height];
    return panel(
      results.filter((result) => result.scenario === scenario),
      scenario,
      x,
      y,
    );
  });
  return svg(width, height, title, [
    rectangle(16, 38, 12, 12, MISSED),
    text(33, 48, 'off in the dark'),
    rectangle(140, 38, 12, 12, FALSE),
    text(157, 48, 'on by day; minutes a day, square root scale; lines are 95 % intervals'),
    ...panels,
  ]);
}

function panel(results: readonly Result[], scenario: string, x: number, y: number): string {
  const middle = x + LABELS + HALF;
  const bottom = y + TOP + results.length * ROW - 4;
  const lines = TICKS_MINUTES.flatMap((minutes) => [-1, 1].map((side) => middle + side * length(minutes)));
  return [
    text(x + 16, y + 16, scenario, 'font-weight="bold"'),
    ...lines.map((at) => line(at, y + TOP - 4, at, bottom, GRID)),
    ...results.map(({ policy, missedMinutes, falseOnMinutes }, i) => {
      const top = y + TOP + i * ROW;
      return [
        text(x + LABELS - 6, top + 10, policy, 'text-anchor="end" font-size="11"'),
        bar(middle, top, -1, missedMinutes, MISSED),
        bar(middle, top, 1, falseOnMinutes, FALSE),
      ].join('\n');
    }),
    line(middle, y + TOP - 4, middle, bottom, INK),
    ...TICKS_MINUTES.flatMap((minutes) =>
      [-1, 1].map((side) =>
        text(
          middle + side * length(minutes),
          bottom + 11,
          String(minutes),
          'text-anchor="middle" font-size="9"',
        ),
      ),
    ),
  ].join('\n');
}

function bar(middle: number, top: number, side: 1 | -1, { mean, half }: Interval, colour: string): string {
  const long = length(mean);
  const [from, to] = [Math.max(0, mean - half), mean + half].map(
    (minutes) => middle + side * length(minutes),
  );
  const rect = rectangle(side === 1 ? middle : middle - long, top, long, 13, colour);
  return half < 0.05 ? rect : `${rect}\n${line(from!, top + 6.5, to!, top + 6.5, INK)}`;
}

function length(minutes: number): number {
  return HALF * Math.sqrt(Math.min(1, minutes / LONGEST_MINUTES));
}

import type { EvaluatedPart } from '../evaluation/evaluate-part.js';
import { endToEndSeconds } from './end-to-end.js';

const NOW = 1_800_000_000_000;
const part = (...live: { at?: number }[]) => ({ live }) as unknown as EvaluatedPart;

it.each([
  ['the newest live reading', [part({ at: NOW - 900 }, { at: NOW - 30 })], 0.03],
  ['the last device with a time', [part({ at: NOW - 50 }), part({}), part()], 0.05],
  ['no device with a time in the future', [part({ at: NOW - 20 }), part({ at: NOW + 5 })], 0.02],
  ['no old reading', [part({ at: NOW - 3_600_000 })], undefined],
  ['nothing without times', [part({}), part()], undefined],
])('measures a batch by %s', (_what, parts, seconds) => {
  expect(endToEndSeconds(parts, NOW)).toBe(seconds);
});

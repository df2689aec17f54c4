import type { PolicyResult } from './compare-policies.js';

/** Bytes of a reading of a lamp at QoS 1: its PUBLISH and the PUBACK. */
const READING_BYTES =
  2 +
  2 +
  'demo/telemetry/lamp-0001'.length +
  2 +
  1 +
  '{"light":412,"led_on":false,"_seq":1795348812000000,"_at":1795348812000,"_n":12345}'.length +
  4;

/** A Markdown table of one sky: a row per policy. */
export function intervalTable(results: readonly PolicyResult[]): string {
  const rows = results.map((result) => {
    const cells = [
      Math.round(result.readings).toLocaleString('en'),
      Math.round((result.readings * READING_BYTES) / 1000).toLocaleString('en'),
      result.wakeUps < 2 ? 'never sleeps' : Math.round(result.wakeUps).toLocaleString('en'),
      `${result.missed} of ${result.changes}`,
      ...[result.meanDelay, result.p95Delay, result.maxDelay].map((seconds) => seconds.toFixed(1)),
    ];
    return `| ${result.name} | ${cells.join(' | ')} |`;
  });
  return [
    '| interval | readings a day | kB a day | wake-ups a day | missed changes | mean delay, s | p95 | max |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n');
}

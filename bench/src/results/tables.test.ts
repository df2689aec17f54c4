import { compare } from './compare.js';
import type { Results, Sample } from './sample.js';
import { number, resultsMarkdown } from './tables.js';

const sample = (service: string, qos: 0 | 1, perSecond: number): Sample => ({
  scenario: 'sustained',
  service,
  qos,
  crossingEvery: 20,
  figures: { perSecond },
});
const results: Results = {
  startedAt: '2026-11-30T00:00:00Z',
  machine: ['2 cores'],
  settings: '1,000 devices',
  samples: [
    sample('lamplighter', 0, 30_000),
    sample('nest-stock', 0, 15_000),
    sample('lamplighter', 1, 12_000),
    sample('lamplighter', 0, 32_000),
    sample('lamplighter', 0, 31_000),
  ],
};

describe('resultsMarkdown', () => {
  it('shows medians with their range, by service and conditions', () => {
    const text = resultsMarkdown(results, []);
    expect(text).toContain('- 2 cores\n- 1,000 devices');
    expect(text.split('\n').slice(5)).toEqual([
      '| service | QoS | crossing | readings/s |',
      '| --- | ---: | ---: | ---: |',
      '| lamplighter | 0 | 1/20 | 31,000 (30,000 to 32,000) |',
      '| nest-stock | 0 | 1/20 | 15,000 |',
      '| lamplighter | 1 | 1/20 | 12,000 |',
    ]);
  });

  it('ends with the ratios', () => {
    const text = resultsMarkdown(results, compare(results.samples, false));
    expect(text).toMatch(
      /sustained rate, QoS 0 \| 31,000 \| nest-stock 15,000 \| 2.07 \| ≥ 2.2 \| \*\*missed\*\* \|$/,
    );
  });
});

it('number keeps three significant digits', () => {
  expect([0.01234, 2.34567, 42, 1234.5, 0].map(number)).toEqual(['0.0123', '2.35', '42', '1,235', '0']);
});

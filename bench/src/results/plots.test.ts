import { drawPlots } from './plots.js';
import type { Sample } from './sample.js';

const sample = (service: string, figures: Sample['figures'], more: Partial<Sample>): Sample => ({
  scenario: 'flat-out',
  service,
  qos: 0,
  crossingEvery: 20,
  figures,
  ...more,
});

describe('drawPlots', () => {
  it('draws rates and CPU with a row per service', () => {
    const plots = drawPlots([
      sample('lamplighter', { perSecond: 40_000, serviceCpu: 10, redisCpu: 6 }, {}),
      sample('nest-stock', { perSecond: 20_000, serviceCpu: 50, redisCpu: 13 }, {}),
    ]);
    expect(Object.keys(plots)).toEqual(['performance-rates.svg', 'performance-cpu.svg']);
    expect(plots['performance-rates.svg']).toContain('>flat out, QoS 0</text>');
    expect(plots['performance-rates.svg']).toContain('>40,000</text>');
    expect(plots['performance-cpu.svg']).toContain('>63</text>');
  });

  it('draws the p99 of a loop as an extension of its p50', () => {
    const fixed = { scenario: 'fixed-rate', rate: 1000 } as const;
    const plots = drawPlots([sample('lamplighter', { p50Ms: 1, p99Ms: 4 }, fixed)]);
    const widths = plots['performance-loops.svg']!.match(/(?<=<rect [^>]*width=")[0-9.]+(?=" height="14")/g);
    expect(widths!.map(Number)).toEqual([43.5, 130.5]);
    expect(plots['performance-loops.svg']).toContain('>1 / 4</text>');
  });
});

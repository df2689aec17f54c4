import { describe, expect, it } from '@jest/globals';
import { format } from './units.js';

describe('format', () => {
  it.each([
    [0.0000021, 's', undefined, '2.1 µs'],
    [0.0239, 's', undefined, '23.9 ms'],
    [0, 's', undefined, '0 s'],
    [90, 's', undefined, '1.5 min'],
    [7200, 's', undefined, '2 h'],
    [123_456, 'bytes', undefined, '121 KiB'],
    [0, 'bytes', undefined, '0 B'],
    [32_100, 'Bps', undefined, '32.1 kB/s'],
    [200.08, 'cps', 1, '200.1 c/s'],
    [4100, 'cps', undefined, '4.1 kc/s'],
    [0.0031, 'percentunit', 2, '0.31%'],
    [1, 'percentunit', 0, '100%'],
    [1500, 'short', undefined, '1.5 K'],
    [42, 'none', undefined, '42'],
  ])('formats %p in unit %s with %p decimals as %s', (value, unit, decimals, text) => {
    expect(format(value, unit, decimals)).toBe(text);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { FixedRate } from '../scenarios/fixed-rate.js';
import type { Flood } from '../scenarios/flood.js';
import type { Findings } from './findings.js';
import { judge } from './promises.js';

const nothing: Findings = { qos: 0, sustained: new Map(), cpu: [], latency: [], floods: [] };
const fixed = (service: string, p99Ms: number, cpuPerMillion: number): FixedRate => ({
  service,
  rate: 1000,
  trials: [],
  p50Ms: 1,
  p99Ms,
  p99RangeMs: [p99Ms, p99Ms],
  cpuPerMillion,
});
const calmFlood: Flood = {
  service: 'lamplighter',
  rate: 80_000,
  seconds: 15,
  rssBefore: 150e6,
  rssMax: 200e6,
  rssSlope: 1e5,
  sent: 100,
  unsent: 0,
  stored: 60,
  droppedByBroker: 40,
  droppedByService: 0,
  unaccounted: 0,
  recoverySeconds: 1,
  survived: true,
};
const kept = (findings: Partial<Findings>) =>
  judge({ ...nothing, ...findings }).map((verdict) => verdict.kept);

describe('the promises', () => {
  it('are not judged without a reference', () => {
    expect(judge({ ...nothing, sustained: new Map([['lamplighter', 50_000]]) })).toEqual([]);
  });

  it.each([
    [15_000, true],
    [14_900, false],
  ])('sustained rate: %i against 10,000', (ours, expected) => {
    const sustained = new Map([
      ['reference', 10_000],
      ['lamplighter', ours],
    ]);
    expect(kept({ sustained })).toEqual([expected]);
  });

  it('CPU: at most half', () => {
    expect(kept({ cpu: [fixed('reference', 1, 30), fixed('lamplighter', 1, 15)] })).toEqual([true]);
    expect(kept({ cpu: [fixed('reference', 1, 30), fixed('lamplighter', 1, 15.1)] })).toEqual([false]);
  });

  it('p99: no worse, within the stated noise', () => {
    expect(kept({ latency: [fixed('reference', 10, 1), fixed('lamplighter', 11.4, 1)] })).toEqual([true]);
    expect(kept({ latency: [fixed('reference', 10, 1), fixed('lamplighter', 11.6, 1)] })).toEqual([false]);
    expect(kept({ latency: [fixed('reference', 2, 1), fixed('lamplighter', 2.5, 1)] })).toEqual([true]);
  });

  it('flood: flat, accounted for, over soon', () => {
    const floods = (change: Partial<Flood>) => kept({ floods: [{ ...calmFlood, ...change }] });
    expect(floods({})).toEqual([true, true, true]);
    expect(floods({ rssSlope: 3e6 })).toEqual([false, true, true]);
    expect(floods({ survived: false })).toEqual([false, true, true]);
    expect(floods({ unaccounted: 1 })).toEqual([true, false, true]);
    expect(floods({ unaccounted: -3 })).toEqual([true, true, true]);
    expect(floods({ recoverySeconds: undefined })).toEqual([true, true, false]);
    expect(floods({ service: 'reference', rssSlope: 9e9 })).toEqual([]);
  });
});

import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { busyCpuSeconds, readUsage } from './process-usage.js';

const linux = existsSync('/proc/self/stat') ? it : it.skip;

describe('readUsage', () => {
  linux('measures the CPU of a process and of the machine', () => {
    const before = readUsage(process.pid);
    const busyBefore = busyCpuSeconds();
    const until = process.cpuUsage().user + 200_000; // microseconds
    while (process.cpuUsage().user < until);
    const after = readUsage(process.pid);
    expect(after.cpuSeconds - before.cpuSeconds).toBeGreaterThan(0.1);
    expect(busyCpuSeconds() - busyBefore).toBeGreaterThan(0.1);
    expect(after.rssBytes).toBeGreaterThan(10e6);
  });

  it('is zero for a process that has ended', () => {
    expect(readUsage(2 ** 22 + 1)).toEqual({ cpuSeconds: 0, rssBytes: 0 });
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { Crossings } from './crossings.js';

describe('Crossings', () => {
  let crossings: Crossings;
  beforeEach(() => {
    crossings = new Crossings(2);
  });

  it('matches a command to its crossing', () => {
    crossings.cross(0, 100);
    expect(crossings.isDark(0)).toBe(true);
    crossings.command(0, true, 103);
    expect(crossings.loops).toEqual([{ dueAt: 100, latencyMs: 3 }]);
    expect([crossings.missing, crossings.openCount, crossings.unexpected]).toEqual([0, 0, 0]);
  });

  it('separates devices', () => {
    crossings.cross(0, 100);
    crossings.cross(1, 200);
    crossings.command(1, true, 201);
    expect(crossings.loops).toEqual([{ dueAt: 200, latencyMs: 1 }]);
    expect(crossings.openCount).toBe(1);
  });

  it('matches a backlog in order', () => {
    for (const dueAt of [1, 2, 3]) crossings.cross(0, dueAt);
    for (const ledOn of [true, false, true]) crossings.command(0, ledOn, 10);
    expect(crossings.loops.map(({ latencyMs }) => latencyMs)).toEqual([9, 8, 7]);
  });

  it('detects a missing command by the next one', () => {
    for (const dueAt of [1, 2]) crossings.cross(0, dueAt);
    crossings.command(0, false, 10);
    expect(crossings.loops).toEqual([{ dueAt: 2, latencyMs: 8 }]);
    expect([crossings.missing, crossings.openCount]).toEqual([1, 0]);
  });

  it('never understates latency when two commands in a row are missing', () => {
    for (const dueAt of [1, 2, 3]) crossings.cross(0, dueAt);
    crossings.command(0, true, 10);
    expect(crossings.loops).toEqual([{ dueAt: 1, latencyMs: 9 }]);
    expect(crossings.missing).toBe(2);
  });

  it('counts commands without a crossing as unexpected', () => {
    crossings.command(0, false, 1);
    crossings.cross(0, 2);
    crossings.command(0, false, 3);
    crossings.command(7, true, 4);
    expect([crossings.unexpected, crossings.loops.length, crossings.openCount]).toEqual([3, 0, 1]);
  });
});

import type { KnownDevice } from '../cache/known-device.js';
import { DeviceTurns } from './device-turns.js';

const [lamp, fan] = [{}, {}] as KnownDevice[] as [KnownDevice, KnownDevice];

describe('DeviceTurns', () => {
  it('makes no batch wait while none holds its devices', () => {
    const turns = new DeviceTurns();
    const [first, second] = [turns.enter(), turns.enter()];
    expect(turns.wait(second, [lamp])).toBeUndefined();
    turns.hold(first, [fan]);
    expect(turns.wait(second, [lamp])).toBeUndefined();
  });

  it('makes later batches wait for a batch that holds one of their devices, until it leaves', async () => {
    const turns = new DeviceTurns();
    const [first, second] = [turns.enter(), turns.enter()];
    turns.hold(first, [lamp]);
    const order: string[] = [];
    const waiting = turns.wait(second, [fan, lamp])!.then(() => order.push('second'));
    await Promise.resolve();
    order.push('first');
    turns.leave(first);
    await waiting;
    expect(order).toEqual(['first', 'second']);
    expect(turns.wait(second, [lamp])).toBeUndefined();
  });

  it('never makes a batch wait for itself or for a later one', () => {
    const turns = new DeviceTurns();
    const [first, second] = [turns.enter(), turns.enter()];
    turns.hold(second, [lamp]);
    turns.hold(first, [lamp]);
    turns.hold(first, [lamp]);
    expect(turns.wait(first, [lamp])).toBeUndefined();
    expect(turns.wait(second, [lamp])).toBe(first.ended);
  });

  it('waits for each of several earlier batches in turn', () => {
    const turns = new DeviceTurns();
    const [first, second, third] = [turns.enter(), turns.enter(), turns.enter()];
    turns.hold(first, [lamp]);
    turns.hold(second, [lamp]);
    expect(turns.wait(third, [lamp])).toBe(first.ended);
    turns.leave(first);
    expect(turns.wait(third, [lamp])).toBe(second.ended);
    turns.leave(second);
    expect(turns.wait(third, [lamp])).toBeUndefined();
  });
});

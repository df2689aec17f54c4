import { Budget } from '../budget.js';
import { FairShares } from './fair-shares.js';

/** Calls until the first rejection, at most `limit`. */
function accepted(charge: () => unknown, limit = 1_000_000): number {
  let count = 0;
  while (count < limit && charge() === undefined) count += 1;
  return count;
}

describe('Budget', () => {
  it('allows the burst at once, then its rate', () => {
    const budget = new Budget(10, 1000);
    const take = (now: number) =>
      accepted(() => {
        if (budget.isSpent(now)) return 'spent';
        budget.charge(1, now);
        return undefined;
      });
    expect(take(0)).toBe(11);
    expect(take(50)).toBe(0);
    expect(take(500)).toBe(5);
    expect(take(1_000_000)).toBe(11);
  });

  it('delays the next charge after a large one', () => {
    const budget = new Budget(10, 1000);
    budget.charge(100, 0);
    expect([budget.isSpent(8999), budget.isSpent(9000)]).toEqual([true, false]);
  });
});

describe('FairShares', () => {
  const shares = (rates = {}) => new FairShares({ device: 10, fleet: 100, newDevices: 5, ...rates });

  it('limits each topic of a device to 30 seconds of its rate at once', () => {
    const fair = shares();
    const send = (topic: string) => accepted(() => fair.charge(topic, 20, 0));
    expect(send('demo/telemetry/a')).toBe(301);
    expect(fair.charge('demo/telemetry/a', 20, 0)).toBe('device_rate');
    expect(send('demo/presence/a')).toBe(301);
    expect(send('demo/telemetry/b')).toBe(301);
    expect(accepted(() => fair.charge('demo/telemetry/a', 20, 1000))).toBe(10);
  });

  it('counts a large payload as several messages', () => {
    const fair = shares();
    expect(accepted(() => fair.charge('demo/telemetry/a', 255, 0))).toBe(301);
    expect(accepted(() => fair.charge('demo/telemetry/b', 256, 0))).toBe(151);
    expect(accepted(() => fair.charge('demo/telemetry/c', 262_144, 0))).toBe(1);
  });

  it('does not limit a fleet without others, and limits it while others are active', () => {
    const fair = shares();
    let device = 0;
    const send = (now: number) =>
      accepted(() => {
        device += 1;
        return fair.charge(`demo/telemetry/d${device}`, 20, now);
      }, 2000);
    expect(send(0)).toBe(2000);
    expect(fair.charge('other/telemetry/a', 20, 500)).toBeUndefined();
    expect(send(1000)).toBe(401);
    expect(fair.charge('demo/telemetry/new', 20, 1000)).toBe('fleet_rate');
    expect(fair.charge('other/telemetry/a', 20, 1000)).toBeUndefined();
    expect(send(2000)).toBe(100);
    // The other fleet has been silent for a minute.
    expect(send(70_000)).toBe(2000);
  });

  it('rejects unknown names of a fleet that has added many devices', () => {
    const fair = shares();
    fair.charge('demo/telemetry/known', 20, 0);
    fair.charge('other/telemetry/a', 20, 0);
    for (let n = 0; n < 51; n += 1) fair.chargeNewDevice('demo', 0);
    expect(fair.charge('demo/telemetry/new', 20, 0)).toBe('new_device_rate');
    expect(fair.charge('demo/telemetry/known', 20, 0)).toBeUndefined();
    expect(fair.charge('other/telemetry/new', 20, 0)).toBeUndefined();
    expect(fair.charge('demo/telemetry/new', 20, 1000)).toBeUndefined();
  });

  it('does not charge the fleet for what its device is rejected', () => {
    const fair = shares();
    fair.charge('other/telemetry/a', 20, 0);
    fair.charge('demo/telemetry/a', 20, 0);
    accepted(() => fair.charge('demo/telemetry/a', 20, 1000));
    for (let n = 0; n < 1000; n += 1) fair.charge('demo/telemetry/a', 20, 1000);
    expect(fair.charge('demo/telemetry/b', 20, 1000)).toBeUndefined();
  });

  it('never rejects the canaries of the rules service', () => {
    const fair = shares();
    expect(accepted(() => fair.charge('lamplighter-canary/telemetry/x', 20, 0), 5000)).toBe(5000);
  });

  it('remembers active topics while a client invents names', () => {
    const fair = shares({ fleet: 1e9 });
    accepted(() => fair.charge('demo/telemetry/a', 20, 0));
    for (let n = 0; n < 300_000; n += 1) {
      fair.charge(`evil/telemetry/${n}`, 20, 0);
      if (n % 10_000 === 0) expect(fair.charge('demo/telemetry/a', 20, 0)).toBe('device_rate');
    }
  });

  it('has one budget for all fleets beyond its limit', () => {
    const fair = shares();
    for (let n = 0; n < 10_000; n += 1) fair.charge(`fleet-${n}/telemetry/a`, 20, 0);
    fair.charge('fleet-0/telemetry/a', 20, 1000);
    let n = 0;
    const invent = () => {
      n += 1;
      return fair.charge(`invented-${n}/telemetry/a`, 20, 1000);
    };
    expect(accepted(invent, 5000)).toBe(401);
  });
});

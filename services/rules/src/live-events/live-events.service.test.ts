import { jest } from '@jest/globals';
import type { LiveEvent } from '@lamplighter/store/events/events';
import type { Redis } from '@lamplighter/store/redis/connect';
import { RulesMetrics } from '../metrics.js';
import type { RulesErrors } from '../rules-errors.js';
import { LiveEventsService } from './live-events.service.js';

const EVENT: LiveEvent = { type: 'presence', fleet: 'demo', device: 'lamp', online: true, session: 1 };

function start(failure: Error) {
  const metrics = new RulesMetrics('rules', 'test');
  const reports: unknown[] = [];
  const fail = () => {
    throw failure;
  };
  const redis = new Proxy({}, { get: () => fail }) as Redis;
  const events = new LiveEventsService(redis, metrics, {
    report: (where: string, error: unknown) => reports.push([where, error]),
  } as unknown as RulesErrors);
  const dropped = async () => {
    const { values } = await metrics.eventsDropped.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value]));
  };
  return { events, reports, dropped };
}

describe('LiveEventsService', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('samples 50 telemetry events per second and counts the others', async () => {
    const { events, dropped } = start(new Error('Connection is closed.'));
    const take = () => Array.from({ length: 60 }, () => events.takeTelemetrySample()).filter(Boolean).length;
    expect(take()).toBe(50);
    await jest.advanceTimersByTimeAsync(1000);
    expect(take()).toBe(50);
    expect(await dropped()).toEqual({ sampled: 20, store: 0 });
  });

  it('drops events beyond the queue limit', async () => {
    const { events, dropped } = start(new Error('Connection is closed.'));
    events.append(Array.from({ length: 2005 }, () => EVENT));
    expect(await dropped()).toMatchObject({ store: 5 });
    await jest.advanceTimersByTimeAsync(1000);
    expect(await dropped()).toMatchObject({ store: 2005 });
  });

  it('writes telemetry after 250 ms, and earlier together with another event', async () => {
    const { events, dropped } = start(new Error('Connection is closed.'));
    const telemetry: LiveEvent = {
      type: 'telemetry',
      fleet: 'demo',
      device: 'lamp',
      measurements: { light: 1 },
    };
    events.append([telemetry]);
    await jest.advanceTimersByTimeAsync(240);
    expect(await dropped()).toMatchObject({ store: 0 });
    await jest.advanceTimersByTimeAsync(20);
    expect(await dropped()).toMatchObject({ store: 1 });
    events.append([telemetry]);
    events.append([EVENT]);
    await jest.advanceTimersByTimeAsync(60);
    expect(await dropped()).toMatchObject({ store: 3 });
  });

  it('reports a failed write only if the cause is not Redis', async () => {
    const outage = start(new Error('Connection is closed.'));
    outage.events.append([EVENT]);
    const bug = start(new TypeError('x is undefined'));
    bug.events.append([EVENT]);
    await jest.advanceTimersByTimeAsync(1000);
    expect(outage.reports).toEqual([]);
    expect(bug.reports).toEqual([['live_events', expect.any(TypeError)]]);
  });
});

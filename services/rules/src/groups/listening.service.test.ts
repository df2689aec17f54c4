import { jest } from '@jest/globals';
import type { CanaryService } from '../canary/canary.service.js';
import type { MqttTransport } from '../mqtt/mqtt-transport.js';
import { ListeningService } from './listening.service.js';

describe('ListeningService', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function start() {
    const links = { problems: [] as string[] };
    const canary = { isOverdue: false, isPathOpen: jest.fn(() => Promise.resolve(true)) };
    const listening = new ListeningService(
      { problems: () => links.problems } as unknown as MqttTransport,
      canary as unknown as CanaryService,
    );
    listening.onApplicationBootstrap();
    return { listening, links, canary };
  }

  it.each<[what: string, interrupt: (parts: ReturnType<typeof start>) => void]>([
    ['a link is down', ({ links }) => links.problems.push('the telemetry link to the broker is down')],
    ['a canary is overdue', ({ canary }) => (canary.isOverdue = true)],
  ])('restarts the clock while %s', async (_what, interrupt) => {
    const parts = start();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(parts.listening.listeningMs).toBe(10_000);
    interrupt(parts);
    await jest.advanceTimersByTimeAsync(3000);
    expect(parts.listening.listeningMs).toBeLessThan(1000);
    parts.listening.onApplicationShutdown();
  });

  it('restarts the clock when readings cannot be stored', async () => {
    const { listening } = start();
    await jest.advanceTimersByTimeAsync(10_000);
    listening.markInterrupted();
    expect(listening.listeningMs).toBe(0);
    listening.onApplicationShutdown();
  });

  it('confirms the path by a canary, unless a link is down', async () => {
    const { listening, links, canary } = start();
    await jest.advanceTimersByTimeAsync(2000);
    await listening.confirm();
    expect(listening.listeningMs).toBe(2000);
    canary.isPathOpen.mockResolvedValueOnce(false);
    await listening.confirm();
    expect(listening.listeningMs).toBe(0);
    links.problems.push('the telemetry link to the broker is down');
    await listening.confirm();
    expect(canary.isPathOpen).toHaveBeenCalledTimes(2);
    listening.onApplicationShutdown();
  });
});

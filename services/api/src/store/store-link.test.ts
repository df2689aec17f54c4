import { jest } from '@jest/globals';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { recordedErrors } from '../../test/recorded-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { StoreLink } from './store-link.js';

/** A started link to a Redis with these settings. */
async function startLink(settings: string[], onAvailable: () => Promise<void>) {
  const { url } = await startRedis({ settings });
  const { errors, reports } = recordedErrors();
  const metrics = new ApiMetrics('api', 'test');
  const healthChecks = jest.spyOn(metrics.durable, 'set').mock.calls;
  const link = new StoreLink({
    url,
    requireDurability: false,
    logger: createLogger('api', 'silent'),
    metrics,
    errors,
    onAvailable,
  });
  closeLater('link', () => link.stop());
  link.start();
  return { link, reports, healthChecks };
}

describe('StoreLink', () => {
  it('reports a health check that fails although Redis replies', async () => {
    const { link, reports } = await startLink(['rename-command SET ""'], () => Promise.resolve());
    await until(() => reports.length > 0, { what: 'a report' });
    expect(reports[0]).toEqual([
      'store_link',
      expect.objectContaining({ message: expect.stringContaining('unknown command') }),
    ]);
    expect(link.problems()).toEqual([expect.stringMatching(/^Redis is unavailable: /)]);
  }, 30_000);

  it('reports an unexpected error of the initialization once, and stays available', async () => {
    const bug = new TypeError('x is undefined');
    let calls = 0;
    const { link, reports, healthChecks } = await startLink([], () => {
      calls += 1;
      return Promise.reject(bug);
    });
    await until(() => reports.length > 0, { what: 'a report' });
    expect(link.problems()).toEqual([]);
    await until(() => healthChecks.length >= 3, { what: 'another health check' });
    expect([calls, reports]).toEqual([1, [['store_link', bug]]]);
  }, 30_000);
});

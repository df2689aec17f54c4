import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { recordedErrors } from '../../test/recorded-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';
import type { LedgerReader } from './ledger-reader.js';
import { UnexplainedGauge } from './unexplained-gauge.js';

describe('UnexplainedGauge', () => {
  it.each<[what: string, error: Error, reported: boolean]>([
    ['while Redis is unavailable', storeUnavailable(), false],
    ['after an unexpected error, which it reports', new TypeError('x is undefined'), true],
  ])('has no value %s', async (_what, error, reported) => {
    let reads = 0;
    const link = {
      get redis() {
        reads += 1;
        throw error;
      },
    } as unknown as StoreLink;
    const metrics = new ApiMetrics('api', 'test');
    const { errors, reports } = recordedErrors();
    const gauge = new UnexplainedGauge(link, {} as LedgerReader, metrics, errors);
    closeLater('gauge', () => gauge.stop());
    gauge.start();
    await until(() => reads === 1, { what: 'the first pass' });
    await until(async () => (await metrics.unexplained.get()).values.length === 0, { what: 'the reset' });
    expect(reports).toEqual(reported ? [['metrics', error]] : []);
  });
});

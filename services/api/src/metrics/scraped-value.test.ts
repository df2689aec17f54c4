import { jest } from '@jest/globals';
import { recordedErrors } from '../../test/recorded-errors.js';
import { storeUnavailable } from '../problems/store-failure.js';
import { ScrapedValue } from './scraped-value.js';

function scraped(fetch: () => Promise<number>) {
  const { errors, reports } = recordedErrors();
  return { value: new ScrapedValue(fetch, errors), reports };
}

describe('ScrapedValue', () => {
  afterEach(() => jest.restoreAllMocks());

  it('shares one read between scrapes within two seconds', async () => {
    let now = 10_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    let reads = 0;
    const { value } = scraped(() => Promise.resolve(++reads));
    expect(await Promise.all([value.read(), value.read()])).toEqual([1, 1]);
    now += 2000;
    expect(await value.read()).toBe(1);
    now += 1;
    expect(await value.read()).toBe(2);
  });

  it('is undefined while Redis is unavailable, without a report', async () => {
    const { value, reports } = scraped(async () => {
      throw storeUnavailable();
    });
    expect(await value.read()).toBeUndefined();
    expect(reports).toEqual([]);
  });

  it('is undefined after any other error, and reports it', async () => {
    const bug = new TypeError('x is undefined');
    const { value, reports } = scraped(() => Promise.reject(bug));
    expect(await value.read()).toBeUndefined();
    expect(reports).toEqual([['metrics', bug]]);
  });
});

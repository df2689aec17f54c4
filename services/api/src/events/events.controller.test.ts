import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { jest } from '@jest/globals';
import type { ApiKey } from '@lamplighter/store/access/api-key';
import { recordedErrors } from '../../test/recorded-errors.js';
import type { ApiKeyCheck } from '../access/api-key-check.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { HttpRequest } from '../requests/http-request.js';
import type { EventFeed } from './event-feed.js';
import { EventsController } from './events.controller.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Opens a stream whose key is checked by `find`. */
async function openStream(find: () => Promise<ApiKey | undefined>) {
  const { errors, reports } = recordedErrors();
  const feed = { watch: () => Promise.resolve() } as unknown as EventFeed;
  const controller = new EventsController(feed, { find } as unknown as ApiKeyCheck, errors);
  const end = jest.fn();
  const response = Object.assign(new EventEmitter(), { end });
  const request = { headers: { 'x-api-key': 'key' } } as unknown as HttpRequest;
  await controller.watchEvents({}, request, response as unknown as ServerResponse);
  return { response, end, reports };
}

describe('EventsController', () => {
  it('ends the stream when its key is revoked', async () => {
    let found: ApiKey | undefined = { id: '3f2a91c0d4e7', scopes: ['read'] };
    const { response, end } = await openStream(() => Promise.resolve(found));
    await jest.advanceTimersByTimeAsync(1000);
    expect(end).not.toHaveBeenCalled();
    found = undefined;
    await jest.advanceTimersByTimeAsync(1000);
    expect(end).toHaveBeenCalledTimes(1);
    response.emit('close');
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each<[what: string, error: Error, reported: boolean]>([
    ['while Redis is unavailable', storeUnavailable(), false],
    ['after an unexpected error, which it reports', new TypeError('x is undefined'), true],
  ])('keeps the stream open %s', async (_what, error, reported) => {
    const { end, reports } = await openStream(() => Promise.reject(error));
    await jest.advanceTimersByTimeAsync(1000);
    expect(end).not.toHaveBeenCalled();
    expect(reports).toEqual(reported ? [['event_stream', error]] : []);
  });
});

import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { closeLater } from '@lamplighter/test-kit/resources';
import { recordedErrors } from '../../test/recorded-errors.js';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { storeUnavailable } from '../problems/store-failure.js';
import type { StoreLink } from '../store/store-link.js';
import { EventFeed } from './event-feed.js';
import type { EventReader } from './event-reader.js';

/** A client's response: the text written, and whether it has ended. */
class Client extends EventEmitter {
  readonly req = { method: 'GET' };
  readonly closed = false;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly destroyed = false;
  writableEnded = false;
  text = '';
  writeHead(): void {}
  write(text: string): void {
    this.text += text;
  }
  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }
  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

/** A feed on a Redis whose newest event is `newest`; the read resolves on demand. */
function feedOn(newest: string, readerPosition?: string, readPage: () => unknown[] = () => []) {
  let resolveRead: () => void = () => undefined;
  const isResolved = new Promise<void>((resolve) => {
    resolveRead = resolve;
  });
  let pages = 0;
  const redis = {
    xrevrange: async () => {
      await isResolved;
      return newest === '0-0' ? [] : [[newest, ['event', '{}']]];
    },
    xrange: async () => {
      pages += 1;
      if (pages > 1000) throw new Error('the feed never stops catching up');
      return readPage();
    },
  };
  const live: string[] = [];
  const reader = {
    position: readerPosition,
    listenFrom: (_listener: unknown, position: string) => void live.push(position),
    leave: () => undefined,
  };
  const { errors, reports } = recordedErrors();
  const metrics = { sseClients: { set: () => undefined } };
  const feed = new EventFeed(
    { redis } as unknown as StoreLink,
    metrics as unknown as ApiMetrics,
    reader as unknown as EventReader,
    errors,
  );
  closeLater('feed', () => feed.close());
  return { feed, resolveRead, live, reports };
}

describe('EventFeed', () => {
  it('accepts at most 500 clients, even if they connect concurrently', async () => {
    const { feed, resolveRead, live } = feedOn('5-0');
    const clients = Array.from({ length: 500 }, () => feed.watch(new Client().response, {}, undefined));
    await expect(feed.watch(new Client().response, {}, undefined)).rejects.toThrow('too-many-watchers');
    resolveRead();
    await Promise.all(clients);
    expect(live).toHaveLength(500);
    await expect(feed.watch(new Client().response, {}, undefined)).rejects.toThrow('too-many-watchers');
  });

  it('ends a stream that starts during shutdown', async () => {
    const { feed, resolveRead } = feedOn('5-0');
    const client = new Client();
    const watching = feed.watch(client.response, {}, undefined);
    feed.close();
    resolveRead();
    await watching;
    expect(client.writableEnded).toBe(true);
  });

  it.each([
    ['of a Redis that was emptied', '0-0'],
    ['of another Redis', '7-3'],
  ])('reports missed events to a client whose last event is %s, and resumes', async (_what, newest) => {
    const { feed, resolveRead, live } = feedOn(newest);
    resolveRead();
    const client = new Client();
    await feed.watch(client.response, {}, '999999999999999-0');
    expect(client.text).toContain('event: missed\ndata: {"cause":"late"}');
    expect(live).toEqual([newest]);
  });

  it('stops catching up when Redis has lost the events that the reader has read', async () => {
    const { feed, resolveRead, live } = feedOn('0-0', '5-0');
    resolveRead();
    await feed.watch(new Client().response, {}, undefined);
    expect(live).toEqual(['0-0']);
  });

  it.each<[what: string, error: Error, reported: boolean]>([
    ['Redis becomes unavailable', storeUnavailable(), false],
    ['an unexpected error', new TypeError('x is undefined'), true],
  ])('ends the stream of a client that cannot catch up: %s', async (_what, error, reported) => {
    const { feed, resolveRead, reports } = feedOn('5-0', undefined, () => {
      throw error;
    });
    resolveRead();
    const client = new Client();
    await feed.watch(client.response, {}, undefined);
    expect(client.writableEnded).toBe(true);
    expect(reports).toEqual(reported ? [['event_stream', error]] : []);
  });
});

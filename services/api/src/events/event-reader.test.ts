import { appendEvents, type StoredEvent } from '@lamplighter/store/events/events';
import { EVENTS_KEY } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { recordedErrors } from '../../test/recorded-errors.js';
import type { Config } from '../foundation/config.js';
import type { StoreLink } from '../store/store-link.js';
import { type EventListener, EventReader } from './event-reader.js';

let server: TestRedis;
let redis: Redis;
let reader: EventReader;
let reports: unknown[];
beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis(server.url, 'test');
  closeLater('Redis connection of the test', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
}, 30_000);
beforeEach(() => {
  reader = readerOf(server);
});

function readerOf({ url }: TestRedis): EventReader {
  const recorded = recordedErrors();
  reports = recorded.reports;
  const created = new EventReader({ redis } as StoreLink, { REDIS_URL: url } as Config, recorded.errors);
  closeLater('reader', () => created.close());
  return created;
}

/** Collects the `light` of each event, and `interrupted` or `trimmed` for interruptions. */
async function listen(on = reader, handle: (light: unknown) => void = () => undefined) {
  const received: unknown[] = [];
  const listener: EventListener = {
    handle: ({ event }: StoredEvent) => {
      handle(event.light);
      return received.push(event.light);
    },
    interrupted: (isTrimmed) => void received.push(isTrimmed ? 'trimmed' : 'interrupted'),
  };
  await on.listen(listener);
  return { received, leave: () => on.leave(listener) };
}

const append = (...lights: number[]) =>
  appendEvents(
    redis,
    lights.map((light) => ({ type: 'telemetry', fleet: 'demo', device: 'lamp', light })),
  );

describe('EventReader', () => {
  it('delivers each event once and in order to all listeners until they leave', async () => {
    await append(0);
    const [first, second] = [await listen(), await listen()];
    await append(1, 2);
    await until(() => first.received.length === 2 && second.received.length === 2, {
      what: 'both listeners to receive the events',
    });
    first.leave();
    await append(3);
    await until(() => second.received.length === 3, { what: 'the remaining listener to receive the event' });
    expect([first.received, second.received]).toEqual([
      [1, 2],
      [1, 2, 3],
    ]);
  }, 30_000);

  it('reports events that were trimmed before it read them', async () => {
    await append(0);
    const { received } = await listen();
    await append(1);
    await until(() => received.length === 1, { what: 'the first event' });
    // In one transaction: 600 events are added, and the first of them are trimmed.
    const burst = redis.multi();
    for (let light = 100; light < 700; light += 1) {
      const event = JSON.stringify({ type: 'telemetry', fleet: 'demo', device: 'lamp', light });
      burst.xadd(EVENTS_KEY, '*', 'event', event);
    }
    await burst.xtrim(EVENTS_KEY, 'MAXLEN', 550).exec();
    await until(() => received.at(-1) === 699, { what: 'the last event' });
    expect(received.slice(0, 3)).toEqual([1, 'trimmed', 150]);
    expect(received).toHaveLength(2 + 550);
  }, 30_000);

  it('reports an interruption before the first connection', async () => {
    const other = await startRedis();
    await other.kill();
    const late = readerOf(other);
    const { received } = await listen(late);
    // On a busy machine Redis may be available again before the reader first tries to connect.
    const { isCut } = { isCut: () => (late as unknown as { readonly isCut: boolean }).isCut };
    await until(isCut, { what: 'the first attempt to fail' });
    await other.start();
    await until(() => received.length > 0, { what: 'the listener to be notified' });
    expect(received).toEqual(['interrupted']);
  }, 30_000);

  it('reports an interruption and resumes at its position', async () => {
    await append(0);
    const { received } = await listen();
    await append(1);
    await until(() => received.length === 1, { what: 'the first event' });
    await redis.call('CLIENT', 'KILL', 'SKIPME', 'yes');
    await append(2);
    await until(() => received.includes(2), { what: 'the event after the interruption' });
    expect(received).toEqual([1, 'interrupted', 2]);
    expect(reports).toEqual([]);
  }, 30_000);

  it('reports the unexpected error of a listener and continues after the event', async () => {
    await append(0);
    const bug = new TypeError('x is undefined');
    const { received } = await listen(reader, (light) => {
      if (light === 1) throw bug;
    });
    await append(1, 2);
    await until(() => received.includes(2), { what: 'the event after the error' });
    expect(received).toEqual(['interrupted', 2]);
    expect(reports).toEqual([['event_stream', bug]]);
  }, 30_000);
});

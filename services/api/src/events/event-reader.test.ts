import { appendEvents, type StoredEvent } from '@lamplighter/store/events/events';
import { EVENTS_KEY } from '@lamplighter/store/keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis, type TestRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import type { Config } from '../foundation/config.js';
import type { StoreLink } from '../store/store-link.js';
import { EventReader } from './event-reader.js';

let server: TestRedis;
let redis: Redis;
let reader: EventReader;
beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis(server.url, 'test');
  closeLater('Redis connection of the test', () => redis.disconnect());
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
}, 30_000);
beforeEach(() => {
  reader = new EventReader({ redis } as StoreLink, { REDIS_URL: server.url } as Config);
  closeLater('reader', () => reader.close());
});

/** A listener that records lights, and `cut` or `trimmed` for interruptions. */
async function listener() {
  const heard: unknown[] = [];
  const listening = {
    handle: ({ event }: StoredEvent) => heard.push(event.light),
    interrupted: (isTrimmed: boolean) => void heard.push(isTrimmed ? 'trimmed' : 'cut'),
  };
  await reader.listen(listening);
  return { heard, leave: () => reader.leave(listening) };
}

const lights = (...values: number[]) =>
  appendEvents(
    redis,
    values.map((light) => ({ type: 'telemetry', fleet: 'demo', device: 'lamp', light })),
  );

it('delivers each event once and in order to all listeners until they leave', async () => {
  await lights(0);
  const [one, two] = [await listener(), await listener()];
  await lights(1, 2);
  await until(() => one.heard.length === 2 && two.heard.length === 2, { what: 'both to hear' });
  one.leave();
  await lights(3);
  await until(() => two.heard.length === 3, { what: 'the one who stayed to hear' });
  expect([one.heard, two.heard]).toEqual([
    [1, 2],
    [1, 2, 3],
  ]);
}, 30_000);

it('reports events that were trimmed before it read them', async () => {
  await lights(0);
  const { heard } = await listener();
  await lights(1);
  await until(() => heard.length === 1, { what: 'the first event' });
  // In one step: 600 events are added, and the first of them are trimmed.
  const burst = redis.multi();
  for (let light = 100; light < 700; light += 1) {
    const event = JSON.stringify({ type: 'telemetry', fleet: 'demo', device: 'lamp', light });
    burst.xadd(EVENTS_KEY, '*', 'event', event);
  }
  await burst.xtrim(EVENTS_KEY, 'MAXLEN', 550).exec();
  await until(() => heard.at(-1) === 699, { what: 'the last event' });
  expect(heard.slice(0, 3)).toEqual([1, 'trimmed', 150]);
  expect(heard).toHaveLength(2 + 550);
}, 30_000);

it('reports an interruption before the first connection', async () => {
  const other = await startRedis();
  await other.kill();
  const late = new EventReader({ redis } as StoreLink, { REDIS_URL: other.url } as Config);
  closeLater('reader', () => late.close());
  const heard: string[] = [];
  await late.listen({ handle: () => heard.push('event'), interrupted: () => void heard.push('cut') });
  // On a busy machine Redis may be back before the reader has tried to connect.
  const reader = late as unknown as { readonly isCut: boolean };
  await until(() => reader.isCut, { what: 'the first attempt to fail' });
  await other.start();
  await until(() => heard.length > 0, { what: 'the listener to be notified' });
  expect(heard).toEqual(['cut']);
}, 30_000);

it('reports an interruption and resumes at its position', async () => {
  await lights(0);
  const { heard } = await listener();
  await lights(1);
  await until(() => heard.length === 1, { what: 'the first event' });
  await redis.call('CLIENT', 'KILL', 'SKIPME', 'yes');
  await lights(2);
  await until(() => heard.includes(2), { what: 'the event after' });
  expect(heard).toEqual([1, 'cut', 2]);
}, 30_000);

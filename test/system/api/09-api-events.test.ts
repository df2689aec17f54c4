import { connect } from 'node:net';
import { READY_MS } from '@lamplighter/native/servers/service';
import { appendEvents, type LiveEvent } from '@lamplighter/store/events/events';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startService } from '@lamplighter/test-kit/servers/service';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

interface Frame {
  id?: string;
  event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever an event holds
  data?: any;
}

/** Reads the event stream with fetch, as a web page does. */
async function watch(query = '', lastEventId?: string, { url, key } = { url: api.api.url, key: api.key }) {
  const abort = new AbortController();
  closeLater('event stream', () => abort.abort());
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId && { 'last-event-id': lastEventId }),
  };
  const response = await fetch(`${url}/v1/events${query}`, { headers, signal: abort.signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ]);
  const frames: Frame[] = [];
  let text = '';
  let isEnded = false;
  const read = async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n');
      text = parts.pop()!;
      frames.push(...parts.map(parseFrame).filter(({ event }) => event));
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      isEnded = true;
    });
  return {
    frames,
    ids: () => frames.map(({ id }) => id),
    isEnded: () => isEnded,
    until: (count: number) => until(() => frames.length >= count, { what: `${count} events` }),
    close: () => abort.abort(),
  };
}

function parseFrame(text: string): Frame {
  const fields = text.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1, 3) ?? ['', '']);
  const { id, event, data } = Object.fromEntries(fields) as Record<string, string>;
  return { ...(id && { id }), ...(event && { event }), ...(data && { data: JSON.parse(data) }) };
}

const light = (device: string, value: number, fleet = 'demo'): LiveEvent => ({
  type: 'telemetry',
  fleet,
  device,
  measurements: { light: value },
});

describe('an event stream', () => {
  it('sends events from now on, including those of API commands', async () => {
    await appendEvents(api.store, [light('before', 1)]);
    const watcher = await watch();
    await appendEvents(api.store, [light('lamp-0001', 2)]);
    await watcher.until(1);
    const post = (led_on: boolean) =>
      api.post('/v1/fleets/demo/devices/lamp-0001/commands?allowUnknown=true', { action: { led_on } });
    const first = (await post(true)).body.id;
    const second = (await post(false)).body.id;
    await api.delete(`/v1/commands/${second}`);
    await watcher.until(5);
    expect(watcher.frames.map(({ event, data }) => [event, data.device, data.command, data.state])).toEqual([
      ['telemetry', 'lamp-0001', undefined, undefined],
      ['command', 'lamp-0001', first, 'pending'],
      ['command', 'lamp-0001', second, 'pending'],
      ['command', 'lamp-0001', first, 'superseded'],
      ['command', 'lamp-0001', second, 'cancelled'],
    ]);
    const [{ id, data }] = watcher.frames as [Frame];
    expect(data).toEqual({ ...light('lamp-0001', 2), at: new Date(Number(id!.split('-')[0])).toISOString() });
  });

  it('sends only events that match its filters', async () => {
    const [one, other, types] = await Promise.all([
      watch('?fleet=f1&device=a'),
      watch('?fleet=f2&type=presence'),
      watch('?type=presence&type=telemetry&device=b'),
    ]);
    await appendEvents(api.store, [
      light('a', 1, 'f1'),
      light('b', 2, 'f1'),
      light('a', 3, 'f2'),
      { type: 'presence', fleet: 'f2', device: 'b', online: true, session: 1 },
      { type: 'command', fleet: 'f1', device: 'b', command: 'x', state: 'pending' },
      light('a', 4, 'f1'),
    ]);
    await Promise.all([one.until(2), other.until(1), types.until(2)]);
    expect(one.frames.map(({ data }) => data.measurements.light)).toEqual([1, 4]);
    expect(other.frames.map(({ event }) => event)).toEqual(['presence']);
    expect(types.frames.map(({ event }) => event)).toEqual(['telemetry', 'presence']);
  });

  it('resumes after Last-Event-ID without a gap or a repeated event', async () => {
    const steady = await watch('?fleet=resume');
    const first = await watch('?fleet=resume');
    const many = (from: number) => Array.from({ length: 700 }, (_, i) => light('lamp', from + i, 'resume'));
    await appendEvents(api.store, many(0));
    await first.until(300);
    first.close();
    const received = [...first.ids()];
    const appending = appendEvents(api.store, many(700));
    const second = await watch('?fleet=resume', received.at(-1)!);
    await Promise.all([appending, appendEvents(api.store, many(1400))]);
    await steady.until(2100);
    await second.until(2100 - received.length);
    expect([...received, ...second.ids()]).toEqual(steady.ids());
    expect(new Set(steady.ids()).size).toBe(2100);
  });

  it('reports missed events if Last-Event-ID has been pruned', async () => {
    const watcher = await watch('?fleet=late', '5-0');
    await appendEvents(api.store, [light('lamp', 1, 'late')]);
    await watcher.until(2);
    expect(watcher.frames.map(({ event, data }) => [event, data.cause])).toEqual([
      ['missed', 'late'],
      ['telemetry', undefined],
    ]);
  });

  it('reports missed events if Last-Event-ID is in the future, and sends new events', async () => {
    const lost = await watch('?fleet=lost', '999999999999999-0');
    const other = await watch('?fleet=lost');
    await appendEvents(api.store, [light('lamp', 1, 'lost')]);
    await Promise.all([lost.until(2), other.until(1)]);
    expect(lost.frames.map(({ event, data }) => [event, data.cause])).toEqual([
      ['missed', 'late'],
      ['telemetry', undefined],
    ]);
  });

  it('drops, counts and reports the events of a client that does not read, without affecting others', async () => {
    const before = await api.metric('sse_clients');
    const steady = await watch('?fleet=flood');
    const slow = connect(api.api.port, '127.0.0.1');
    closeLater('slow client', () => slow.destroy());
    slow.write(`GET /v1/events?fleet=flood HTTP/1.1\r\nHost: x\r\nX-API-Key: ${api.key}\r\n\r\n`);
    await until(async () => (await api.metric('sse_clients')) === before + 2, {
      what: 'both clients to be connected',
    });
    slow.pause();
    let sent = 0;
    await until(
      async () => {
        // Fewer bytes than the buffer of one client, so that a client that reads never falls behind.
        const padding = 'x'.repeat(16_000);
        await appendEvents(
          api.store,
          Array.from({ length: 10 }, () => ({ ...light('lamp', 1, 'flood'), padding })),
        );
        sent += 10;
        await steady.until(sent);
        return (await api.metric('sse_dropped_events_total')) > 0;
      },
      { what: 'the first dropped event', timeoutMs: 30_000 },
    );
    expect(steady.frames.every(({ event }) => event === 'telemetry')).toBe(true);

    let text = '';
    slow.on('data', (chunk) => {
      text += chunk;
    });
    slow.resume();
    await until(
      async () => {
        await appendEvents(api.store, [light('lamp', 2, 'flood')]);
        return /event: missed\ndata: {"cause":"slow","count":\d+}/.test(text);
      },
      { what: 'the slow client to be notified of missed events', timeoutMs: 20_000 },
    );
  }, 60_000);
});

it('an event stream survives a restart of Redis', async () => {
  const other = await startStandaloneApi();
  const watcher = await watch('', undefined, { url: other.api.url, key: other.key });
  await appendEvents(other.store, [light('lamp', 1)]);
  await watcher.until(1);
  await other.redis.kill();
  await other.redis.start();
  await until(() => appendEvents(other.store, [light('lamp', 2)]).then(() => true), {
    what: 'Redis to accept events',
  });
  await watcher.until(2);
  expect(watcher.frames.map(({ data }) => data.measurements.light)).toEqual([1, 2]);
}, 120_000);

/** Starts another API process; settles when it serves requests. */
async function startAnother() {
  const service = await startService('api', { REDIS_URL: api.redis.apiUrl }, { wait: 'started' });
  await until(
    async () => (await fetch(`${service.url}/v1/fleets`, { headers: { 'x-api-key': api.key } })).ok,
    {
      what: 'the API to serve',
      timeoutMs: READY_MS,
    },
  );
  return service;
}

it('SIGTERM ends event streams and the process', async () => {
  const service = await startAnother();
  const watcher = await watch('', undefined, { url: service.url, key: api.key });
  const tookMs = stopwatch();
  service.kill('SIGTERM');
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(tookMs()).toBeLessThan(5000);
  await until(watcher.isEnded, { what: 'the end of the stream' });
}, 120_000);

it('SIGTERM does not wait for incomplete requests', async () => {
  const service = await startAnother();
  const beginnings = [
    'GET /v1/fl',
    `POST /v1/fleets/demo/rules HTTP/1.1\r\nHost: x\r\nX-API-Key: ${api.key}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"when"`,
  ];
  for (const beginning of beginnings) {
    const socket = connect(service.port, '127.0.0.1');
    closeLater('client with an incomplete request', () => socket.destroy());
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write(beginning, resolve));
  }
  // The API has read the incomplete requests before this one.
  expect((await fetch(`${service.url}/health/live`)).ok).toBe(true);
  service.kill('SIGTERM');
  expect(await service.exited).toEqual({ code: 0, signal: null });
}, 120_000);

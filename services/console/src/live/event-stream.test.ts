import { followEvents } from './event-stream.js';

const originalFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = originalFetch;
});

/** Follows the events of an api that sends these responses in turn, until they are used up. */
async function follow(...responses: readonly Response[]) {
  const stop = new AbortController();
  const left = [...responses];
  const lastIds: unknown[] = [];
  globalThis.fetch = (_path, options) => {
    lastIds.push(new Headers(options?.headers).get('Last-Event-ID'));
    const response = left.shift();
    if (left.length === 0) stop.abort();
    return response === undefined ? Promise.reject(new TypeError('no response')) : Promise.resolve(response);
  };
  const opened: boolean[] = [];
  const rejections: string[] = [];
  const calls: string[] = [];
  await followEvents(
    '/v1/events',
    'key',
    {
      onEvent: ({ type }) => calls.push(type),
      onOpen: (isAgain) => opened.push(isAgain),
      onClosed: () => calls.push('closed'),
      onRefused: () => calls.push('refused'),
      onRejected: ({ message }) => rejections.push(message),
    },
    stop.signal,
  );
  return { opened, rejections, calls, lastIds };
}

const problem = (status: number, detail: string) =>
  new Response(JSON.stringify({ type: 'urn:x', title: 'A problem', status, detail }), { status });
const stream = (id: string) => new Response(`id: ${id}\nevent: rule\ndata: {"type":"rule"}\n\n`);

it.each([400, 403, 404])('ends with what the api says if it responds with %d', async (status) => {
  const detail = 'Your API key may not use fleet "plant".';
  const { rejections, opened, calls } = await follow(problem(status, detail), stream('1-0'));
  expect(rejections).toEqual([detail]);
  expect([...opened, ...calls]).toEqual([]);
});

it('ends with the status if the response is not from the api', async () => {
  const { rejections } = await follow(new Response('<html></html>', { status: 404 }), stream('1-0'));
  expect(rejections).toEqual(['The api responded with status 404.']);
});

it('ends if the key is unknown', async () => {
  const { calls, rejections } = await follow(problem(401, 'Unknown API key.'), stream('1-0'));
  expect(calls).toEqual(['refused']);
  expect(rejections).toEqual([]);
});

it('tries again after a temporary failure, and resumes after the last event', async () => {
  const { opened, rejections, calls, lastIds } = await follow(
    problem(503, 'Redis is unavailable.'),
    problem(429, 'Too many event streams.'),
    stream('7-0'),
    stream('8-0'),
  );
  expect(rejections).toEqual([]);
  expect(opened).toEqual([false, true]);
  expect(calls).toEqual(['closed', 'closed', 'rule', 'closed', 'rule']);
  expect(lastIds).toEqual([null, null, null, '7-0']);
});

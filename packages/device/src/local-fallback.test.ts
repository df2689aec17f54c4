import { jest } from '@jest/globals';
import type { DeviceEvent } from './device-event.js';
import type { Execute } from './execute-command.js';
import { type Fallback, LocalFallback } from './local-fallback.js';
import { MemoryStorage } from './storage.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function fallbackWith(
  decide: Fallback,
  {
    storage = new MemoryStorage(),
    execute = () => undefined,
  }: { storage?: MemoryStorage; execute?: Execute } = {},
) {
  const events: DeviceEvent[] = [];
  const clock = () => Date.now();
  const options = {
    decide,
    execute,
    afterMs: 10_000,
    clock,
    storage,
    onEvent: (event: DeviceEvent) => events.push(event),
  };
  return { fallback: new LocalFallback(options), events, storage };
}

/** The link was lost this long ago. */
function lostFor(fallback: LocalFallback, ms: number) {
  fallback.lost();
  const later = performance.now() + ms;
  jest.spyOn(performance, 'now').mockReturnValue(later);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the local rule', () => {
  it('is not asked while the link stands, nor for a short interruption', () => {
    let asked = 0;
    const { fallback } = fallbackWith(() => {
      asked += 1;
      return undefined;
    });
    fallback.consider({ light: 1 });
    lostFor(fallback, 9000);
    fallback.consider({ light: 1 });
    expect(asked).toBe(0);
    lostFor(fallback, 2000);
    fallback.consider({ light: 1 });
    expect(asked).toBe(1);
    fallback.returned();
    fallback.consider({ light: 1 });
    expect(asked).toBe(1);
  });

  it('acts one action at a time', async () => {
    let finish = () => {};
    const execute = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      });
    let asked = 0;
    const { fallback } = fallbackWith(
      () => {
        asked += 1;
        return { led_on: true };
      },
      { execute },
    );
    lostFor(fallback, 20_000);
    fallback.consider({});
    fallback.consider({});
    expect(asked).toBe(1);
    finish();
    await turn();
    fallback.consider({});
    expect(asked).toBe(2);
  });

  it('may fail, and says so', async () => {
    const { fallback, events } = fallbackWith(() => {
      throw new Error('no idea');
    });
    lostFor(fallback, 20_000);
    fallback.consider({});
    expect(events).toEqual([{ event: 'acted', status: 'failed', reason: 'no idea' }]);
    fallback.returned();
    expect(fallback.report).toBeUndefined();
  });

  it('is reported once, after the link is back, also by the program that comes after', async () => {
    const first = fallbackWith(() => ({ led_on: true }));
    lostFor(first.fallback, 20_000);
    first.fallback.consider({});
    await turn();
    expect(first.fallback.report).toBeUndefined();
    const { fallback, storage } = fallbackWith(() => undefined, { storage: first.storage });
    fallback.lost();
    expect(fallback.report).toBeUndefined();
    fallback.returned();
    const { report } = fallback;
    expect(report).toEqual({
      since: expect.any(Number),
      until: expect.any(Number),
      actions: 1,
      last: '{"led_on":true}',
    });
    if (report) fallback.reported(report);
    expect(fallback.report).toBeUndefined();
    expect(storage.get('fallback')).toBeUndefined();
  });
});

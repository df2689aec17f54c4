import { ServerResponse } from 'node:http';
import type { StoredEvent } from '@lamplighter/store/events/events';
import type { EventFilter } from './event-filter.js';
import { eventFrame } from './event-frame.js';
import { EventWatcher } from './event-watcher.js';

const event = (n: number, more: object = {}): StoredEvent => ({
  id: `1000-${n}`,
  event: { type: 'telemetry', fleet: 'demo', device: 'lamp', ...more },
});

/** A client that reads nothing until allowed to: written text stays in its buffer. */
function client(filter: EventFilter = {}, position = '0-0') {
  const written: string[] = [];
  let waiting = 0;
  const response = {
    get writableLength() {
      return waiting;
    },
    write: (text: string) => {
      written.push(text);
      waiting += text.length;
    },
  };
  const watcher = new EventWatcher(
    Object.setPrototypeOf(response, ServerResponse.prototype),
    filter,
    position,
  );
  const offer = (stored: StoredEvent) => watcher.offer(stored, () => eventFrame(stored));
  return {
    offer,
    written,
    takeAll: () => {
      waiting = 0;
    },
  };
}

describe('EventWatcher', () => {
  it('sends each event once and in order', () => {
    const { offer, written } = client({}, '1000-1');
    for (const n of [1, 2, 2, 3, 1]) offer(event(n));
    expect(written).toEqual([eventFrame(event(2)), eventFrame(event(3))]);
  });

  it('sends only events that match the filter', () => {
    const { offer, written } = client({ fleet: 'demo', type: ['command'] });
    offer(event(1));
    offer(event(2, { type: 'command' }));
    offer(event(3, { type: 'command', fleet: 'other' }));
    expect(written).toEqual([eventFrame(event(2, { type: 'command' }))]);
  });

  it('drops events while the buffer is full, and reports their count afterwards', () => {
    const { offer, written, takeAll } = client();
    const padding = 'x'.repeat(100_000);
    const kept = [1, 2, 3, 4, 5, 6].map((n) => offer(event(n, { padding })));
    expect(kept).toEqual([true, true, true, false, false, false]);
    takeAll();
    expect(offer(event(7))).toBe(true);
    expect(written.slice(3)).toEqual([
      'event: missed\ndata: {"cause":"slow","count":3}\n\n',
      eventFrame(event(7)),
    ]);
  });
});

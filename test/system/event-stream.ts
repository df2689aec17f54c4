import { closeLater } from '@lamplighter/test-kit/resources';
import type { SharedStack } from './stack.js';

/** Collects the data of the events that match a query, from now until the end of the test. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever an event holds
export async function collectEvents(stack: SharedStack, query: string): Promise<any[]> {
  const abort = new AbortController();
  closeLater('event stream', () => abort.abort());
  const response = await fetch(`${stack.api.url}/v1/events?${query}`, {
    headers: { authorization: `Bearer ${stack.key}` },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever an event holds
  const events: any[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const frames = (text + chunk).split('\n\n');
      text = frames.pop()!;
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (data) events.push(JSON.parse(data));
      }
    }
  };
  void read().catch(() => undefined);
  return events;
}

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ApiProblem, problemOf } from '../api/problem.js';
import { backOff } from './back-off.js';

/** A live event, as in docs/api/openapi.json. `missed` means that some events are lost. */
export interface LiveEvent {
  readonly type: string;
  readonly fleet?: string;
  readonly device?: string;
  readonly at?: string;
  readonly [fact: string]: unknown;
}

export interface StreamHandlers {
  readonly onEvent: (event: LiveEvent) => void;
  /** The stream is open; `isAgain` if it was open before. */
  readonly onOpen: (isAgain: boolean) => void;
  readonly onClosed: () => void;
  /** The api does not accept the key; the stream has ended. */
  readonly onRefused: () => void;
  /** The api rejects the request for another reason, which a retry does not change; the stream has ended. */
  readonly onRejected: (problem: Error) => void;
}

/** The api sends a comment every 15 s: after this time without one the connection is dead, milliseconds. */
const SILENCE_MS = 40_000;

/**
 * Reads the live events until `signal` is aborted. Reconnects with back-off and resumes after the last event. An EventSource cannot send the
 * API key in a header, so this reads the response of a fetch.
 */
export async function followEvents(
  path: string,
  key: string,
  { onEvent, onOpen, onClosed, onRefused, onRejected }: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  let lastId: string | undefined;
  let wasOpen = false;
  let failures = 0;
  while (!signal.aborted) {
    const connection = new AbortController();
    const watch = silenceWatch(() => connection.abort());
    try {
      const response = await fetch(path, {
        headers: { Authorization: `Bearer ${key}`, ...(lastId !== undefined && { 'Last-Event-ID': lastId }) },
        signal: AbortSignal.any([signal, connection.signal]),
        cache: 'no-store',
      });
      if (response.status === 401) return onRefused();
      if (isFinal(response.status)) return onRejected(await rejectionOf(response));
      if (response.ok && response.body !== null) {
        failures = 0;
        onOpen(wasOpen);
        wasOpen = true;
        await readMessages(response.body, watch.extend, ({ id, data }) => {
          lastId = id ?? lastId;
          onEvent(JSON.parse(data) as LiveEvent);
        });
      }
    } catch {
      // The connection failed or was silent for too long: connect again.
    } finally {
      watch.stop();
    }
    if (signal.aborted) return;
    onClosed();
    await delay(backOff(failures), signal);
    failures += 1;
  }
}

/** Whether repeating a request with this status would lead to it again; 408 and 429 are temporary. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** What the api says, or the status if a proxy responded in its place. */
async function rejectionOf(response: Response): Promise<Error> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = problemOf(body, response.status);
  return problem instanceof ApiProblem
    ? problem
    : new Error(`The api responded with status ${response.status}.`);
}

async function readMessages(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void,
  onMessage: (message: EventSourceMessage & { id?: string | undefined }) => void,
): Promise<void> {
  const parser = createParser({
    onEvent: ({ event, data, id }) =>
      onMessage({ event, data: event === 'missed' ? missed(data) : data, id }),
  });
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    parser.feed(value);
  }
}

/** The data of `missed` has no type of its own. */
function missed(data: string): string {
  return JSON.stringify({ ...(JSON.parse(data) as object), type: 'missed' });
}

function silenceWatch(onSilent: () => void) {
  let timer = setTimeout(onSilent, SILENCE_MS);
  const stop = () => clearTimeout(timer);
  const extend = () => {
    stop();
    timer = setTimeout(onSilent, SILENCE_MS);
  };
  return { extend, stop };
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

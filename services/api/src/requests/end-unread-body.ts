import type { ServerResponse } from 'node:http';
import type { HttpRequest, Next } from './http-request.js';

/** What is still read after the response, and when a connection with more is closed. */
const MAX_UNREAD_BYTES = 65_536;
const MAX_UNREAD_MS = 1000;

/**
 * Closes the connection of a client that keeps sending a body after the response, such as a 401 or 413. Node would read and discard all of
 * it. A short rest is read, so that the connection can be used again.
 */
export function endUnreadBody(request: HttpRequest, response: ServerResponse, next: Next): void {
  // First, because Node's own listener discards the body.
  response.prependOnceListener('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    let unread = 0;
    const timer = setTimeout(() => socket.destroy(), MAX_UNREAD_MS);
    request.once('close', () => clearTimeout(timer));
    request.on('data', (chunk: Buffer) => {
      unread += chunk.length;
      // The client can no longer send, and reads the response before the connection is closed.
      if (unread > MAX_UNREAD_BYTES) request.pause();
    });
    request.read(0); // marks the body as read by us, which keeps Node from discarding it
    request.resume();
  });
  next();
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { CommandState } from '@lamplighter/contracts/commands/command';
import { type Command, isFinal, readCommand } from '@lamplighter/store/commands/read-commands';
import type { StoredEvent } from '@lamplighter/store/events/events';
import { Injectable } from '@nestjs/common';
import { type EventListener, EventReader } from '../events/event-reader.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { preferredWait } from '../requests/prefer.js';
import { StoreLink } from '../store/store-link.js';
import { WaitingRequest } from './waiting-request.js';

/** Requests that may wait concurrently in this process; each holds a connection and little else. */
const MAX_WAITING = 1000;
/** Retry interval of waiting requests while Redis is unavailable, milliseconds on average. */
const RETRY_MS = 500;

/**
 * Requests that wait for the end of a command. Live events wake them, so that they need not poll. Live events may be lost, so the
 * command is also read at the start of the wait, after an interruption of the event stream, and at the end.
 */
@Injectable()
export class CommandWaits implements EventListener {
  private readonly requests = new Set<WaitingRequest>();
  private readonly byCommand = new Map<string, Set<WaitingRequest>>();
  private isClosed = false;

  constructor(
    private readonly link: StoreLink,
    private readonly reader: EventReader,
    private readonly metrics: ApiMetrics,
  ) {}

  /**
   * Reserves a slot for a request with `Prefer: wait`; undefined for other requests. The slot is freed when the response is sent or
   * the client disconnects. Reserve it before any work for the request, so that a rejection means that nothing was done.
   * @throws Problem `too-many-waiting`
   */
  take({ headers }: IncomingMessage, response: ServerResponse): WaitingRequest | undefined {
    const seconds = preferredWait(headers);
    if (seconds === undefined) return undefined;
    if (this.requests.size >= MAX_WAITING) {
      throw new Problem(
        'too-many-waiting',
        `${MAX_WAITING} requests are already waiting. Retry without "Prefer: wait", or later.`,
        {},
        retryAfter(5),
      );
    }
    const request = new WaitingRequest(seconds);
    this.requests.add(request);
    response.once('close', () => {
      request.leave();
      this.requests.delete(request);
      if (this.requests.size === 0) this.reader.leave(this);
    });
    return request;
  }

  /**
   * Returns the command as soon as it has ended, or as it is when the wait is over, the client disconnects or the service stops;
   * undefined if it does not exist.
   * @throws Problem `store-away`, and Redis errors
   */
  async waitForEnd(request: WaitingRequest, id: string): Promise<Command | undefined> {
    this.enter(request, id);
    try {
      await this.reader.listen(this);
      const command = await readCommand(this.link.redis, id);
      return command === undefined || isFinal(command.state)
        ? command
        : await this.readUntilEnd(request, command);
    } finally {
      this.leave(request, id);
    }
  }

  /** Ends all waits now; the responses have the commands as they are. */
  close(): void {
    this.isClosed = true;
    this.interrupted();
  }

  handle({ event }: StoredEvent): number {
    if (event.type === 'command' && isFinal(event.state as CommandState)) {
      for (const request of this.byCommand.get(event.command as string) ?? []) request.wake();
    }
    return 0;
  }

  interrupted(): void {
    for (const request of this.requests) request.wake();
  }

  /** Reads the command again whenever it may have changed, until it has ended or the wait is over. */
  private async readUntilEnd(request: WaitingRequest, { id }: Command): Promise<Command | undefined> {
    const isOver = () => request.isOver || request.hasLeft || this.isClosed;
    this.metrics.waiting.inc();
    try {
      for (;;) {
        if (!this.isClosed) await request.waitForWake();
        request.clearWake();
        const command = await this.readWithRetries(id, isOver);
        if (command === undefined || isFinal(command.state) || isOver()) return command;
      }
    } finally {
      this.metrics.waiting.dec();
    }
  }

  /** Reads the command, retrying while Redis is unavailable until the wait is over. */
  private async readWithRetries(id: string, isOver: () => boolean): Promise<Command | undefined> {
    for (;;) {
      try {
        return await readCommand(this.link.redis, id);
      } catch (error) {
        if (isOver() || !isStoreFailure(error)) throw error;
        await delay(jitteredMs(RETRY_MS));
      }
    }
  }

  private enter(request: WaitingRequest, id: string): void {
    const same = this.byCommand.get(id);
    if (same) same.add(request);
    else this.byCommand.set(id, new Set([request]));
  }

  private leave(request: WaitingRequest, id: string): void {
    const same = this.byCommand.get(id);
    same?.delete(request);
    if (same?.size === 0) this.byCommand.delete(id);
    // The client may have disconnected while the listener was being added.
    if (this.requests.size === 0) this.reader.leave(this);
  }
}

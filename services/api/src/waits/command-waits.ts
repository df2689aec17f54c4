import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { CommandState } from '@lamplighter/contracts/commands/command';
import { type Command, isFinal, readCommand } from '@lamplighter/store/commands/read-commands';
import type { StoredEvent } from '@lamplighter/store/events/events';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable } from '@nestjs/common';
import { type EventListener, EventReader } from '../events/event-reader.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';
import { preferredWait } from './prefer.js';
import { WaitingRequest } from './waiting-request.js';

/** Requests that may wait at once in this process; each holds a connection and little else. */
const MAX_WAITING = 1000;
/** While Redis is away a request that waits looks this often whether it is back, milliseconds on average. */
const RETRY_MS = 500;

/**
 * Requests that wait for the end of a command. Live events wake them, so nobody polls; and since events are a view and not the
 * record, the command is read when the wait begins, after an interruption of the events, and at the end.
 */
@Injectable()
export class CommandWaits implements EventListener {
  private readonly requests = new Set<WaitingRequest>();
  private readonly byCommand = new Map<string, Set<WaitingRequest>>();
  private isClosed = false;

  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(EventReader) private readonly reader: EventReader,
    @Inject(ApiMetrics) private readonly metrics: ApiMetrics,
  ) {}

  /**
   * A place for a request that prefers to wait, undefined for one that does not. The place is free again when the request is
   * answered or its client hangs up. To be taken before anything is done for the request, so that a refusal means that nothing
   * was.
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
   * The command as soon as it has ended; as it is when the wait is over, the client has gone, or this service stops; undefined
   * if there is none.
   * @throws Problem `store-away`, and what Redis says
   */
  async end(request: WaitingRequest, id: string): Promise<Command | undefined> {
    this.enter(request, id);
    try {
      await this.reader.listen(this);
      const command = await readCommand(this.link.redis, id);
      return command === undefined || isFinal(command.state) ? command : await this.later(request, command);
    } finally {
      this.leave(request, id);
    }
  }

  /** Answers everybody now, with the commands as they are. */
  close(): void {
    this.isClosed = true;
    this.interrupted();
  }

  told({ event }: StoredEvent): number {
    if (event.type === 'command' && isFinal(event.state as CommandState)) {
      for (const request of this.byCommand.get(event.command as string) ?? []) request.wake();
    }
    return 0;
  }

  interrupted(): void {
    for (const request of this.requests) request.wake();
  }

  /** Sleeps until somebody has news of the command, and reads it again, until it has ended or the wait is over. */
  private async later(request: WaitingRequest, { id }: Command): Promise<Command | undefined> {
    const isOver = () => request.isOver || request.hasLeft || this.isClosed;
    this.metrics.waiting.inc();
    try {
      for (;;) {
        if (!this.isClosed) await request.woken();
        request.sleep();
        const command = await this.readAgain(id, isOver);
        if (command === undefined || isFinal(command.state) || isOver()) return command;
      }
    } finally {
      this.metrics.waiting.dec();
    }
  }

  /** Reads the command. If Redis went away, it may come back before the wait is over. */
  private async readAgain(id: string, isOver: () => boolean): Promise<Command | undefined> {
    for (;;) {
      try {
        return await readCommand(this.link.redis, id);
      } catch (error) {
        if (isOver() || !(error instanceof Problem || storeFailure(error) !== undefined)) throw error;
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
    // The client may have gone while we began to listen.
    if (this.requests.size === 0) this.reader.leave(this);
  }
}

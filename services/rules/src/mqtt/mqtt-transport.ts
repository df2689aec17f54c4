import { sharedFilter } from '@lamplighter/contracts/topics';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { from, isObservable, lastValueFrom } from 'rxjs';
import type { MqttMessage, PublishOutcome } from './messages.js';
import { MqttLink } from './mqtt-link.js';

/** How messages are delivered to a handler; the second argument of `@EventPattern(filter, …)`. */
export interface Subscription {
  /** Handlers of one link share a connection and its back-pressure; different links are independent. */
  readonly link: string;
  /** True: the replicas share the messages. False: each replica gets all messages. */
  readonly shared: boolean;
  /** True: retained messages are requested, too. */
  readonly includesRetained: boolean;
  /** Maximum number of messages per call. */
  readonly maxBatch: number;
  /** Maximum number of concurrent calls. With two, one batch is evaluated while Redis writes another. */
  readonly concurrency: number;
  /**
   * Whether the link pauses while that many calls are running: the next read then gets all messages that have arrived, which makes
   * batches large and bounds memory. Only for a link without other handlers.
   */
  readonly holdsLink: boolean;
}

export interface MqttTransportOptions {
  readonly url: string;
  /** For `mqtts://`: the certificate authority of the broker, PEM. */
  readonly ca?: string | undefined;
  /** Reads the URL again before each connection, to use a new password. */
  readonly readUrl?: () => string | undefined;
  /** Unique per process; the links append their names. */
  readonly clientId: string;
  /** Name of the share group for a URL; a secret. */
  readonly group: (url: string) => string;
  /** Plain subscriptions on a session that the broker keeps, for a single replica, instead of shared ones. */
  readonly durable: boolean;
  readonly logger: Logger;
  readonly onReconnect: (reason: 'closed') => void;
  /** A handler threw; its batch is dropped. */
  readonly onFailure: (error: unknown, batch: { readonly filter: string; readonly messages: number }) => void;
}

/** Maximum payload bytes per batch: a batch of replays must fit into one call to Redis. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024;
/** Reason code of the PUBACK for a rejected message (MQTT 5, 3.4.2.1): quota exceeded. */
const QUOTA_EXCEEDED = 0x97;
/** How long a shutdown waits for messages in flight, milliseconds. */
const DRAIN_MS = 6000;

/**
 * The transport between MQTT 5 and Nest controllers. Handlers are ordinary `@EventPattern(filter, subscription)` methods, but get
 * *batches* of raw messages: those that arrived while the handler was busy. A batch is acknowledged to the broker only
 * after its handler has returned; retries are up to the handler. A handler that throws has a bug: its batch is acknowledged, counted and
 * logged, because withholding the PUBACK would only stall the connection.
 *
 * Nest's own MQTT transport is not used: it acknowledges before the handler returns, and gives some payload keys a meaning.
 */
export class MqttTransport extends Server implements CustomTransportStrategy {
  private readonly links = new Map<string, MqttLink>();
  private readonly routes: Route[] = [];
  private rejects: (message: MqttMessage) => boolean = () => false;

  constructor(private readonly options: MqttTransportOptions) {
    super();
  }

  /** Opens the links without waiting for the broker; readiness reports links that are down. */
  listen(started: (error?: unknown) => void): void {
    for (const [filter, handler] of this.messageHandlers) {
      this.routes.push(new Route(filter, handler));
    }
    for (const name of new Set(this.routes.map(({ subscription }) => subscription.link))) this.openLink(name);
    started();
  }

  /**
   * Sets what decides whether a message is rejected: its handler does not get it, and the PUBACK has reason code 0x97. Called for every
   * message, so it must be fast.
   */
  rejectIf(rejects: (message: MqttMessage) => boolean): void {
    this.rejects = rejects;
  }

  /** Publishes on a link with QoS 1; `traceparent` is sent as a user property. */
  publish(
    link: string,
    topic: string,
    payload: string,
    expirySeconds: number,
    done: (outcome: PublishOutcome) => void,
    traceparent?: string,
  ): void {
    const open = this.links.get(link);
    if (open === undefined) done('lost');
    else open.publish(topic, payload, expirySeconds, done, traceparent);
  }

  /** Publishes with QoS 0. False if the message is dropped because the link is down or the broker does not read. */
  publishQos0(link: string, topic: string, payload: string, expirySeconds: number): boolean {
    return this.links.get(link)?.publishQos0(topic, payload, expirySeconds) ?? false;
  }

  /** Clears the retained message of a topic; settles with the reason code of the PUBACK, or `lost`. */
  clearRetained(link: string, topic: string): Promise<PublishOutcome> {
    const open = this.links.get(link);
    return new Promise((resolve) => {
      if (open === undefined) resolve('lost');
      else open.clearRetained(topic, resolve);
    });
  }

  /** Publishes with QoS 0, retained; false if the message is dropped. */
  publishRetained(link: string, topic: string, payload: string, expirySeconds: number): boolean {
    return this.links.get(link)?.publishRetained(topic, payload, expirySeconds) ?? false;
  }

  /** How often the link has connected; each time the broker may have lost its retained messages. */
  connections(link: string): number {
    return this.links.get(link)?.connections ?? 0;
  }

  /** Why the transport is not ready. */
  problems(): string[] {
    return [...this.links].flatMap(([name, link]) =>
      link.isUp ? [] : [`the ${name} link to the broker is down`],
    );
  }

  get inFlightMessages(): number {
    return [...this.links.values()].reduce((sum, link) => sum + link.inFlightMessages, 0);
  }

  get backpressureSeconds(): number {
    return [...this.links.values()].reduce((sum, link) => sum + link.backpressureMs, 0) / 1000;
  }

  /** Stops reading, and waits until all messages in flight are handled and acknowledged. */
  async drain(): Promise<void> {
    const deadline = performance.now() + DRAIN_MS;
    const stopped = Promise.all([...this.links.values()].map((link) => link.stopIntake()));
    // While Redis is unavailable, a paused link cannot read the UNSUBACK.
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
    while (this.inFlightMessages > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (this.inFlightMessages > 0)
      this.options.logger.error(
        { messages: this.inFlightMessages },
        'stopping with unhandled messages; the broker will deliver them again',
      );
  }

  /** Ends the connections; call `drain` first. */
  async close(): Promise<void> {
    await Promise.all([...this.links.values()].map((link) => link.close()));
  }

  on(): never {
    throw new Error('MqttTransport emits no events; inject it and call it');
  }

  unwrap<T>(): T {
    return this.links as T;
  }

  private openLink(name: string): void {
    const { url, ca, clientId, group, durable, logger } = this.options;
    const routes = this.routes.filter(({ subscription }) => subscription.link === name);
    const currentUrl = () => this.options.readUrl?.() ?? url;
    const currentFilters = () =>
      routes.map(({ filter, subscription: { shared, includesRetained } }) => ({
        filter: shared && !durable ? sharedFilter(group(currentUrl()), filter) : filter,
        includesRetained,
      }));
    let wasUp = false;
    let rejected: MqttMessage[] = [];
    const link: MqttLink = new MqttLink(
      {
        get url() {
          return currentUrl();
        },
        get filters() {
          return currentFilters();
        },
        ca,
        clientId: `${clientId}-${name}`,
        clean: !durable,
      },
      {
        onMessage: (message) => {
          if (this.rejects(message)) {
            rejected.push(message);
            return;
          }
          const route = routeOf(routes, message.topic);
          if (route !== undefined) route.push(message);
          // A persistent session may still have subscriptions of an earlier release.
          else link.acknowledge([message]);
        },
        afterRead: () => {
          if (rejected.length > 0) {
            link.acknowledge(rejected, QUOTA_EXCEEDED);
            rejected = [];
          }
          for (const route of routes) this.run(route);
        },
        onUp: () => {
          wasUp = true;
          logger.info({ link: name }, 'connected to the broker');
        },
        onDown: (reason, isRefused) => {
          if (wasUp && !isRefused) this.options.onReconnect('closed');
          if (isRefused)
            logger.error(
              { link: name, reason },
              'the broker refused the connection or a subscription; retrying',
            );
          else logger.warn({ link: name, reason }, 'cannot reach the broker; retrying');
        },
      },
    );
    this.links.set(name, link);
  }

  /** Passes a route's messages to its handler, up to its concurrency. */
  private run(route: Route): void {
    for (let batch = route.next(); batch !== undefined; batch = route.next()) void this.handle(route, batch);
    const link = this.links.get(route.subscription.link);
    if (link !== undefined && route.subscription.holdsLink) link.busy = route.isBusy;
  }

  private async handle(route: Route, batch: readonly MqttMessage[]): Promise<void> {
    try {
      const result: unknown = await route.handler(batch, undefined);
      if (isObservable(result)) await lastValueFrom(from(result), { defaultValue: undefined });
    } catch (error) {
      this.options.onFailure(error, { filter: route.filter, messages: batch.length });
    }
    this.links.get(route.subscription.link)?.acknowledge(batch);
    route.done();
    this.run(route);
  }
}

/** A subscription with the messages that wait for its handler. The link bounds their number. */
class Route {
  readonly subscription: Subscription;
  private waiting: MqttMessage[] = [];
  private running = 0;

  constructor(
    readonly filter: string,
    readonly handler: MessageHandler,
  ) {
    this.subscription = handler.extras as unknown as Subscription;
  }

  get isBusy(): boolean {
    return this.running >= this.subscription.concurrency;
  }

  push(message: MqttMessage): void {
    this.waiting.push(message);
  }

  /** The next batch to handle; undefined if there is none or the handler is busy. `done` must follow. */
  next(): readonly MqttMessage[] | undefined {
    if (this.waiting.length === 0 || this.isBusy) return undefined;
    let bytes = this.waiting[0]!.payload.length;
    let count = 1;
    while (count < this.waiting.length && count < this.subscription.maxBatch) {
      bytes += this.waiting[count]!.payload.length;
      if (bytes > MAX_BATCH_BYTES) break;
      count += 1;
    }
    const batch = count === this.waiting.length ? this.waiting : this.waiting.slice(0, count);
    this.waiting = batch === this.waiting ? [] : this.waiting.slice(count);
    this.running += 1;
    return batch;
  }

  done(): void {
    this.running -= 1;
  }
}

/** The route of a topic: by its second level, which differs between routes; `/#` matches topics with a leading slash. */
function routeOf(routes: readonly Route[], topic: string): Route | undefined {
  if (routes.length === 1) return routes[0];
  const start = topic.indexOf('/') + 1;
  const end = topic.indexOf('/', start);
  const kind = topic.slice(start, end === -1 ? undefined : end);
  const prefix = start === 1 ? '/' : `+/${kind}/`;
  return routes.find(({ filter }) => filter.startsWith(prefix));
}

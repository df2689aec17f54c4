import { randomBytes } from 'node:crypto';
import {
  type Birth,
  parsePresence,
  presenceFault,
  presenceReason,
} from '@lamplighter/contracts/devices/presence';
import { topicFault } from '@lamplighter/contracts/telemetry/topic-fault';
import { deviceTopic, FILTERS, parseTopic } from '@lamplighter/contracts/topics';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import {
  type PresenceMessage,
  type PresenceOutcome,
  recordPresence,
} from '@lamplighter/store/devices/presence';
import type { LiveEvent } from '@lamplighter/store/events/events';
import type { Redis } from '@lamplighter/store/redis/connect';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DeviceCache } from '../cache/device-cache.js';
import { DeviceWaker } from '../commands/device-waker.service.js';
import { ExcessMessages } from '../fair-shares/excess-messages.service.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { RetainedJunk } from '../rejected/retained-junk.service.js';
import { StatePublisher } from '../state/state-publisher.service.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';

// Not shared: the broker sends retained births only to ordinary subscriptions, and each replica needs to know which devices acknowledge.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: false,
  includesRetained: true,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** How each outcome is counted, and how the previous session ended, if it did. */
const COUNTED: Record<
  PresenceOutcome,
  { result: 'born' | 'gone' | 'ignored' | 'full'; lost?: 'will' | 'takeover' | 'timeout' }
> = {
  born: { result: 'born' },
  took_over: { result: 'born', lost: 'takeover' },
  returned: { result: 'born', lost: 'timeout' },
  known: { result: 'ignored' },
  gone: { result: 'gone', lost: 'will' },
  slept: { result: 'gone' },
  ignored: { result: 'ignored' },
  full: { result: 'full' },
};

/** Births and wills. */
@Controller()
export class PresenceController {
  private readonly replica = randomBytes(6).toString('base64url');
  private received = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly devices: DeviceCache,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
    private readonly outages: OutageLog,
    private readonly states: StatePublisher,
    private readonly rejected: RejectedService,
    private readonly waker: DeviceWaker,
    private readonly junk: RetainedJunk,
    excess: ExcessMessages,
  ) {
    excess.onBirths((births) => this.record(births));
  }

  @EventPattern(FILTERS.presence, SUBSCRIPTION)
  async record(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    const messages = batch.flatMap((message) => this.read(message));
    if (messages.length === 0) return;
    const store = (some: readonly (typeof messages)[number][]) =>
      this.metrics.storeCall('presence', () =>
        recordPresence(this.redis, some, (i, startedAt) => this.recordStart(some[i]!, startedAt)),
      );
    const outcomes = await untilStored(messages, store, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ address }, error) => this.outages.inputDropped(address, error),
    });
    for (const [i, { message, address, mayBeOld }] of messages.entries())
      if (mayBeOld && message.online && isCurrentSession(outcomes[i]!)) this.announce(address, message);
    this.events.append(messages.flatMap((message, i) => this.eventsOf(message, outcomes[i]!)));
    const back = messages.filter((_, i) => needsWake(outcomes[i]!)).map(({ address }) => address);
    // Not awaited: until the next births are read, their devices count as devices that do not acknowledge.
    this.waker.wake(back);
  }

  private read({ topic, payload, delivery, arrivedAt }: MqttMessage): PresenceMessage[] {
    const parsed = parseTopic(topic);
    const message = parsePresence(payload);
    if (parsed === undefined || message === undefined) {
      // An empty message clears a retained one; it contains no presence.
      if (payload.length > 0) {
        this.reject(topic, payload, parsed === undefined);
        this.junk.clear(topic);
      }
      return [];
    }
    const address = new DeviceAddress(parsed.fleet, parsed.device, false);
    const mayBeOld = delivery !== 'live';
    // Before it is stored, because the next reading of the device may already have arrived.
    if (message.online && !mayBeOld) this.announce(address, message);
    this.received += 1;
    const recorder = { replica: this.replica, number: this.received };
    return [{ address, message, mayBeOld, arrivedAt, recorder }];
  }

  private announce(
    { fleet, device }: DeviceAddress,
    { session, telemetry }: Birth,
    startedAt?: number,
  ): void {
    this.devices.announce(deviceTopic(fleet, 'telemetry', device), {
      id: session,
      keeps: telemetry === 'keep',
      startedAt,
    });
  }

  private recordStart({ address, message }: PresenceMessage, startedAt: number): void {
    if (message.online) this.announce(address, message, startedAt);
  }

  private reject(topic: string, payload: Buffer, isTopic: boolean): void {
    this.metrics.presence.inc({ result: 'malformed' });
    const message = { topic, payload };
    if (isTopic) this.rejected.reject('presence', topicFault(topic).reason, message, () => topicFault(topic));
    else this.rejected.reject('presence', presenceReason(payload), message, () => presenceFault(payload));
  }

  private eventsOf({ address, message }: PresenceMessage, outcome: PresenceOutcome | 'failed'): LiveEvent[] {
    if (outcome === 'failed') return [];
    const { result, lost } = COUNTED[outcome];
    this.metrics.presence.inc({ result });
    if (lost !== undefined) this.metrics.sessionsLost.inc({ cause: lost });
    if (result !== 'born' && result !== 'gone') return [];
    this.states.markChanged(address);
    const { fleet, device } = address;
    return [{ type: 'presence', fleet, device, online: message.online, session: message.session }];
  }
}

/** Whether the birth belongs to the current session. */
function isCurrentSession(outcome: PresenceOutcome | 'failed'): boolean {
  return outcome !== 'failed' && outcome !== 'ignored' && outcome !== 'full';
}

/**
 * Whether to wake the pending commands of the device. Also for a birth that is already recorded: the replica that recorded it may have
 * crashed before it woke them.
 */
function needsWake(outcome: PresenceOutcome | 'failed'): boolean {
  return outcome !== 'failed' && (outcome === 'known' || COUNTED[outcome].result === 'born');
}

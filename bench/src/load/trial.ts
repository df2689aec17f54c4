import { setTimeout as delay } from 'node:timers/promises';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { percentile } from '../measure/statistics.js';
import type { ReceivedPublish } from '../wire/packet-reader.js';
import { acknowledgementPacket, birthPacket } from './acknowledging.js';
import { BrokerConnection } from './connection.js';
import { Crossings } from './crossings.js';
import { FlatOutPace, type Pace } from './pace.js';
import { deviceIndex, Readings } from './readings.js';
import { Schedule } from './schedule.js';
import type { TrialPlan, TrialResult } from './trial-plan.js';
import { UsageSampler } from './usage-sampler.js';

/** The generator sends the readings that are due, then sleeps this long. */
const ROUND_MS = 1;
/** While the broker is this far behind with a connection, readings for it count as unsent. Milliseconds. */
const MAX_LAG_MS = 1000;
/** Rate of the prelude: one bright reading per device, so that all devices start in a known state. */
const PRELUDE_RATE = 4000;
/** The prelude ends when no command has arrived for this long, milliseconds. */
const QUIET_MS = 400;
const PRELUDE_MS = 20_000;
const DRAIN_POLL_MS = 20;

/** Runs a trial and closes its connections. */
export async function runTrial(plan: TrialPlan): Promise<TrialResult> {
  const trial = new Trial(plan);
  try {
    await trial.connect();
    await trial.prelude();
    return await trial.run();
  } finally {
    await trial.close();
  }
}

/** What one call of `send` did. */
interface Sent {
  readonly due: number;
  readonly sent: number;
  readonly lateness: readonly number[];
  readonly aborted: boolean;
}

class Trial {
  private readonly readings: Readings;
  private readonly publishers: BrokerConnection[] = [];
  private subscriber: BrokerConnection | undefined;
  private crossings: Crossings;
  private startedAt = 0;
  private lastCommandAt = 0;
  private lost: Error | undefined;
  private closing = false;

  constructor(private readonly plan: TrialPlan) {
    this.readings = new Readings(plan.fleet, plan.devices, plan.qos);
    this.crossings = new Crossings(plan.devices);
  }

  async connect(): Promise<void> {
    const { mqttUrl, fleet, connections, qos } = this.plan;
    const run = Date.now().toString(36);
    const onLost = (error: Error) => {
      if (!this.closing) this.lost ??= error;
    };
    const onCommand = (message: ReceivedPublish) => this.receiveCommand(message);
    this.subscriber = await BrokerConnection.open(mqttUrl, `${fleet}.commands-${run}`, onCommand, onLost);
    await this.subscriber.subscribe(deviceTopic(fleet, 'commands', '+'), qos);
    for (let number = 0; number < connections; number += 1) {
      const clientId = `${fleet}.load-${run}-${number}`;
      const publisher = await BrokerConnection.open(mqttUrl, clientId, () => undefined, onLost);
      publisher.readLazily();
      this.publishers.push(publisher);
    }
    if (this.plan.acknowledges) this.publishBirths();
  }

  /** Sends one bright reading per device; the commands that it causes are ignored. */
  async prelude(): Promise<void> {
    const { devices } = this.plan;
    await this.send(new Schedule([{ rate: PRELUDE_RATE, seconds: devices / PRELUDE_RATE }]), false);
    const deadline = performance.now() + PRELUDE_MS;
    do {
      await delay(QUIET_MS / 5);
      this.throwIfLost();
    } while (performance.now() - this.lastCommandAt < QUIET_MS && performance.now() < deadline);
    this.crossings = new Crossings(devices);
  }

  async run(): Promise<TrialResult> {
    const { plan } = this;
    const acknowledgedBefore = this.acknowledged();
    this.startedAt = performance.now();
    const sampler = new UsageSampler(plan, this.startedAt);
    const result = await this.send(this.pace(), true, (sent) => sampler.poll(sent));
    const { due, sent, lateness, aborted } = result;
    const deadline = performance.now() + plan.drainMs;
    const drained = () => this.drained(sent, acknowledgedBefore) || performance.now() >= deadline;
    while (!aborted && !(sampler.complete && drained())) {
      await delay(DRAIN_POLL_MS);
      sampler.poll(sent);
      this.throwIfLost();
    }
    return {
      preludeReadings: plan.devices,
      due,
      sent,
      unsent: due - sent,
      acknowledged: this.acknowledged() - acknowledgedBefore,
      aborted,
      commandsExpected: this.crossings.expected,
      commandsMissing: this.crossings.missing,
      commandsUnexpected: this.crossings.unexpected,
      loops: this.crossings.loops,
      latenessP99Ms: percentile(lateness, 0.99),
      measuredReadings: sampler.measured.readings,
      measuredSeconds: sampler.measured.seconds,
      cpuSeconds: sampler.cpuSeconds(),
      otherCores: sampler.otherCores(),
      usage: sampler.samples,
      lastSeq: Array.from({ length: plan.devices }, (_, device) => this.readings.lastSeq(device)),
    };
  }

  async close(): Promise<void> {
    this.closing = true;
    const connections = this.subscriber === undefined ? [] : [this.subscriber, ...this.publishers];
    await Promise.all(connections.map((connection) => connection.close()));
  }

  private pace(): Pace {
    const { load, crossingEvery } = this.plan;
    if ('stretches' in load) return new Schedule(load.stretches);
    // Each open crossing stands for the readings sent since the previous one.
    const inFlight = () => this.crossings.openCount * crossingEvery;
    return new FlatOutPace(load.seconds * 1000, load.inFlight, inFlight);
  }

  private async send(
    pace: Pace,
    crossing: boolean,
    onRound: (sent: number) => void = () => undefined,
  ): Promise<Sent> {
    const startedAt = performance.now();
    const startedAtEpoch = Date.now();
    const lateness: number[] = [];
    let due = 0;
    let sent = 0;
    while (due < pace.total) {
      const dueNow = pace.dueBy(performance.now() - startedAt);
      if (dueNow > due) {
        lateness.push(performance.now() - startedAt - pace.dueAt(due));
        sent += this.sendRange(due, dueNow, pace, startedAtEpoch, crossing);
        due = dueNow;
      }
      if (crossing && this.isTooSlow()) return { due, sent, lateness, aborted: true };
      onRound(sent);
      await delay(ROUND_MS);
      this.throwIfLost();
    }
    return { due, sent, lateness, aborted: false };
  }

  /** Sends the readings `from` (inclusive) to `to`; neighbours on the same connection in one write. */
  private sendRange(from: number, to: number, pace: Pace, epoch: number, crossing: boolean): number {
    const { devices } = this.plan;
    let sent = 0;
    let next = from;
    while (next < to) {
      const publisher = this.publisherOf(next % devices);
      let end = next + 1;
      while (end < to && this.publisherOf(end % devices) === publisher) end += 1;
      if (publisher.lagMs < MAX_LAG_MS) {
        publisher.write(this.encode(next, end, publisher, pace, epoch, crossing));
        sent += end - next;
      }
      next = end;
    }
    return sent;
  }

  private encode(
    from: number,
    to: number,
    publisher: BrokerConnection,
    pace: Pace,
    epoch: number,
    crossing: boolean,
  ): Buffer {
    const { devices } = this.plan;
    const packets = Buffer.allocUnsafe((to - from) * this.readings.packetBytes);
    for (let reading = from; reading < to; reading += 1) {
      const device = reading % devices;
      const dueAt = pace.dueAt(reading);
      if (crossing && this.isCrossing(reading, device, pace)) this.crossings.cross(device, dueAt);
      const offset = (reading - from) * this.readings.packetBytes;
      const at = epoch + Math.floor(dueAt);
      const packetId = this.plan.qos === 0 ? 0 : publisher.packetId();
      this.readings.write(packets, offset, device, this.crossings.isDark(device), at, packetId);
    }
    return packets;
  }

  /** Staggered by device, so that crossings spread evenly over time. */
  private isCrossing(reading: number, device: number, pace: Pace): boolean {
    const { devices, crossingEvery } = this.plan;
    const count = Math.floor(reading / devices) + device + 1;
    return count % crossingEvery === 0 && pace.mayCross(reading, device);
  }

  private publisherOf(device: number): BrokerConnection {
    const { connections, devices } = this.plan;
    return this.publishers[Math.floor((device * connections) / devices)]!;
  }

  private publishBirths(): void {
    for (let device = 0; device < this.plan.devices; device += 1) {
      const publisher = this.publisherOf(device);
      publisher.write(birthPacket(this.plan.fleet, device, publisher.packetId()));
    }
  }

  private receiveCommand({ chunk, topicEnd, payloadStart, payloadEnd }: ReceivedPublish): void {
    this.lastCommandAt = performance.now();
    const device = deviceIndex(chunk, topicEnd);
    const payload = chunk.subarray(payloadStart, payloadEnd);
    this.crossings.command(device, payload.includes('"led_on":true'), this.lastCommandAt - this.startedAt);
    if (!this.plan.acknowledges) return;
    const publisher = this.publisherOf(device);
    publisher.write(acknowledgementPacket(this.plan.fleet, device, payload, publisher.packetId()));
  }

  private isTooSlow(): boolean {
    const last = this.crossings.loops.at(-1);
    return last !== undefined && last.latencyMs > (this.plan.abortAboveMs ?? Number.POSITIVE_INFINITY);
  }

  private drained(sent: number, acknowledgedBefore: number): boolean {
    return (
      this.crossings.openCount === 0 &&
      (this.plan.qos === 0 || this.acknowledged() - acknowledgedBefore >= sent)
    );
  }

  private acknowledged(): number {
    return this.publishers.reduce((sum, publisher) => sum + publisher.acknowledged, 0);
  }

  private throwIfLost(): void {
    if (this.lost) throw this.lost;
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@lamplighter/test-kit/until';
import { forEachConcurrently, repeatEvery } from '../concurrency.js';
import { ApiPoller } from '../evidence/api-poller.js';
import type { Evidence } from '../evidence/evidence.js';
import { EvidenceFolder } from '../evidence/evidence-folder.js';
import type { BreakableStack } from '../stack/breakable-stack.js';
import { CommandSender, drawCommand, type FleetDevices } from './command-sender.js';
import { Outboxes } from './outboxes.js';
import type { Random } from './random.js';
import { versions } from './versions.js';

const TIMEOUT_MS = 60_000;
/** Interval between checks whether the run has settled, milliseconds. */
const POLL_MS = 500;
/** Concurrent requests to the API. */
const CONCURRENCY = 20;

/** Records the evidence of a run: the commands requested, what the devices did and what the API showed. */
export class EvidenceRecorder {
  private readonly folder: EvidenceFolder;
  private readonly pollers: readonly ApiPoller[];
  private readonly outboxes: readonly Outboxes[];
  private readonly finished = new AbortController();
  private polling = Promise.resolve();
  /** Devices that have not been sent the request to stop measuring yet. */
  private stillMeasuring = 0;
  private readonly startedAt = performance.now();
  readonly sender: CommandSender;

  private constructor(
    stack: BreakableStack,
    readonly fleets: readonly FleetDevices[],
    private readonly signal: AbortSignal,
  ) {
    const { client } = stack;
    this.folder = new EvidenceFolder(stack.folder);
    this.pollers = stack.fleets.map(({ fleet }) => new ApiPoller(client, this.folder, fleet.name));
    this.outboxes = stack.fleets.map(({ journalFile }) => new Outboxes(journalFile));
    this.sender = new CommandSender(client, this.folder, AbortSignal.any([signal, this.finished.signal]));
  }

  /** Starts recording in the folder of the stack, once the API lists all of its devices. */
  static async start(
    stack: BreakableStack,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<EvidenceRecorder> {
    const fleets = stack.fleets.map(async ({ fleet, devices }) => {
      const poller = new ApiPoller(stack.client, undefined, fleet.name);
      const complete = async () => {
        const names = await poller.devices();
        return names.length === devices && names;
      };
      const what = `${devices} devices of ${fleet.name} in the API`;
      return {
        name: fleet.name,
        devices: await until(complete, { what, timeoutMs: TIMEOUT_MS, everyMs: 200 }),
      };
    });
    return new EvidenceRecorder(stack, await Promise.all(fleets), signal);
  }

  /** Sends commands of all policies at this rate until the returned function is called. */
  sendCommandsAtRate(perSecond: number, random: Random): () => void {
    const timer = setInterval(() => this.sender.submit(drawCommand(random, this.fleets)), 1000 / perSecond);
    this.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    return () => clearInterval(timer);
  }

  recordFault(kind: string, target: string, ms: number): void {
    this.folder.recordFault({ t: Date.now(), kind, target, ms });
  }

  /**
   * Polls the API until recording finishes, because the API shows only a window of readings. A poll that fails during a fault is made up
   * for by the next one.
   */
  pollApiEvery(everyMs: number): void {
    const signal = AbortSignal.any([this.signal, this.finished.signal]);
    this.polling = repeatEvery(everyMs, signal, async () => {
      for (const poller of this.pollers) await poller.poll().catch(() => undefined);
    });
  }

  /** Readings and commands so far, according to the devices. */
  counts(): { taken: number; inOutboxes: number; executed: number } {
    for (const outbox of this.outboxes) outbox.follow();
    const sum = (of: (outbox: Outboxes) => number) =>
      this.outboxes.reduce((total, outbox) => total + of(outbox), 0);
    return {
      taken: sum(({ counts }) => counts.taken),
      inOutboxes: sum(({ size }) => size),
      executed: sum(({ counts }) => counts.executed),
    };
  }

  /**
   * Stops the devices from measuring and waits until every request is answered, every command has ended, every outbox is empty and the
   * ledger explains everything. Whatever has not settled within `quietMs` is in the evidence.
   * @param incidents other events to report, in words
   */
  async finish({
    quietMs,
    seed = 0,
    incidents = [],
  }: {
    quietMs: number;
    seed?: number;
    incidents?: readonly string[];
  }): Promise<Evidence> {
    this.stopMeasuring().catch(() => undefined); // if aborted, stillMeasuring reports the rest
    const unsettled = await this.untilSettled(quietMs);
    this.finished.abort();
    await this.polling;
    for (const poller of this.pollers) {
      const polled = () => poller.poll().then(() => true);
      await until(polled, { what: 'a final poll of the API', timeoutMs: TIMEOUT_MS, everyMs: POLL_MS });
      await poller.ledger();
    }
    this.folder.writeAbout({
      seed,
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      fleets: this.fleets.map(({ name, devices }) => ({ name, devices: devices.length })),
      unsettled: [...unsettled, ...incidents],
      versions: versions(),
    });
    return this.folder.read();
  }

  /** Commands all devices to stop measuring. */
  private async stopMeasuring(): Promise<void> {
    const request = {
      action: { telemetry_interval_ms: 24 * 3_600_000 },
      policy: 'latest' as const,
      lane: 'telemetry',
      ttl: '10m',
    };
    const all = this.fleets.flatMap(({ name, devices }) =>
      devices.map((device) => ({ fleet: name, device })),
    );
    this.stillMeasuring = all.length;
    await forEachConcurrently(all, CONCURRENCY, async (address) => {
      await this.sender.sendUntilAnswered({ ...address, request });
      this.stillMeasuring -= 1;
    });
  }

  /** Waits until everything has settled. @returns what had not when the time was up, in words */
  private async untilSettled(quietMs: number): Promise<string[]> {
    const deadline = performance.now() + quietMs;
    for (;;) {
      const unsettled = await this.findUnsettled().catch((error: Error) => [
        `the API does not respond: ${error.message}`,
      ]);
      if (unsettled.length === 0 || performance.now() > deadline) return unsettled;
      await wait(POLL_MS, undefined, { signal: this.signal });
    }
  }

  private async findUnsettled(): Promise<string[]> {
    const { inOutboxes } = this.counts();
    const left = [
      ...(this.stillMeasuring > 0
        ? [`${this.stillMeasuring} devices were not sent the request to stop measuring`]
        : []),
      ...(this.sender.waiting > 0 ? [`${this.sender.waiting} requests are unanswered`] : []),
      ...(inOutboxes > 0 ? [`${inOutboxes} readings are in outboxes or in transit`] : []),
    ];
    if (left.length > 0) return left;
    for (const poller of this.pollers) {
      const { commands, readings } = await poller.ledger();
      if (commands.open !== 0) left.push(`${commands.open} commands of ${poller.fleet} are open`);
      if (readings.unexplained !== 0)
        left.push(`${readings.unexplained} readings of ${poller.fleet} are unexplained in the ledger`);
    }
    return left;
  }
}

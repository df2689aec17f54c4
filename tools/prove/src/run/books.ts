import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@lamplighter/test-kit/until';
import { each, every } from '../each.js';
import type { Evidence } from '../evidence/evidence.js';
import { Notebook } from '../evidence/notebook.js';
import { Watcher } from '../evidence/watcher.js';
import type { Stage } from '../stage/stage.js';
import { Commander, drawOrder, type Roster } from './commander.js';
import { Outboxes } from './outboxes.js';
import type { Random } from './random.js';
import { versions } from './versions.js';

const PATIENCE_MS = 60_000;
/** How often it is looked whether everything has come to rest, milliseconds. */
const LOOK_MS = 500;
/** Requests to the API that are made at the same time. */
const AT_ONCE = 20;

/** The books of a run: what was asked of a stage, what its devices did, what its API showed. Closed, they are evidence. */
export class Books {
  private readonly notebook: Notebook;
  private readonly watchers: readonly Watcher[];
  private readonly outboxes: readonly Outboxes[];
  private readonly over = new AbortController();
  private looking = Promise.resolve();
  /** Devices that were not told to stop measuring, when it is time for that. */
  private loud = 0;
  private readonly openedAt = performance.now();
  readonly commander: Commander;

  private constructor(
    stage: Stage,
    folder: string,
    readonly roster: readonly Roster[],
    private readonly signal: AbortSignal,
  ) {
    const { client, fleets } = stage;
    this.notebook = new Notebook(folder);
    this.watchers = fleets.map(({ fleet }) => new Watcher(client, this.notebook, fleet.name));
    this.outboxes = fleets.map(({ journalFile }) => new Outboxes(journalFile));
    this.commander = new Commander(client, this.notebook, AbortSignal.any([signal, this.over.signal]));
  }

  /** Opens books in the folder of the stage, once the API knows all of its devices. */
  static async open(stage: Stage, signal: AbortSignal = new AbortController().signal): Promise<Books> {
    const roster = stage.fleets.map(async ({ fleet, devices }) => {
      const watcher = new Watcher(stage.client, undefined, fleet.name);
      const complete = async () => {
        const names = await watcher.devices();
        return names.length === devices && names;
      };
      const what = `${devices} devices of ${fleet.name} in the API`;
      return {
        name: fleet.name,
        devices: await until(complete, { what, timeoutMs: PATIENCE_MS, everyMs: 200 }),
      };
    });
    return new Books(stage, stage.folder, await Promise.all(roster), signal);
  }

  /** Asks for commands of all policies, so many a second, until the returned function is called. */
  keepAsking(perSecond: number, random: Random): () => void {
    const timer = setInterval(() => this.commander.give(drawOrder(random, this.roster)), 1000 / perSecond);
    this.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    return () => clearInterval(timer);
  }

  fault(kind: string, target: string, ms: number): void {
    this.notebook.fault({ t: Date.now(), kind, target, ms });
  }

  /**
   * Looks at the API again and again until the books are closed: it shows a window. A look that fails, because something is
   * broken, is made up for by the next.
   */
  keepLooking(everyMs: number): void {
    const signal = AbortSignal.any([this.signal, this.over.signal]);
    this.looking = every(everyMs, signal, async () => {
      for (const watcher of this.watchers) await watcher.look().catch(() => undefined);
    });
  }

  /** Readings and commands so far, by the devices' own word. */
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
   * The quiet time: has the devices stop measuring and waits until every request is answered, every command has ended, every
   * outbox is empty and the ledger explains everything. What has not come to rest by then is in the evidence.
   * @param strange what else a person should know, in words
   */
  async close({
    quietMs,
    seed = 0,
    strange = [],
  }: {
    quietMs: number;
    seed?: number;
    strange?: readonly string[];
  }): Promise<Evidence> {
    this.silence().catch(() => undefined); // aborted: then they are not silent, and that is told
    const unsettled = await this.rest(quietMs);
    this.over.abort();
    await this.looking;
    for (const watcher of this.watchers) {
      const looked = () => watcher.look().then(() => true);
      await until(looked, { what: 'a last look at the API', timeoutMs: PATIENCE_MS, everyMs: LOOK_MS });
      await watcher.ledger();
    }
    this.notebook.about({
      seed,
      seconds: Math.round((performance.now() - this.openedAt) / 1000),
      fleets: this.roster.map(({ name, devices }) => ({ name, devices: devices.length })),
      unsettled: [...unsettled, ...strange],
      versions: versions(),
    });
    return this.notebook.read();
  }

  /** Has all devices stop measuring, so that the books can be closed. */
  private async silence(): Promise<void> {
    const request = {
      action: { telemetry_interval_ms: 24 * 3_600_000 },
      policy: 'latest' as const,
      lane: 'telemetry',
      ttl: '10m',
    };
    const all = this.roster.flatMap(({ name, devices }) =>
      devices.map((device) => ({ fleet: name, device })),
    );
    this.loud = all.length;
    await each(all, AT_ONCE, async (address) => {
      await this.commander.insist({ ...address, request });
      this.loud -= 1;
    });
  }

  /** What had not come to rest when the time was over, in words. */
  private async rest(quietMs: number): Promise<string[]> {
    const deadline = performance.now() + quietMs;
    for (;;) {
      const left = await this.whatIsLeft().catch((error: Error) => [
        `the API does not answer: ${error.message}`,
      ]);
      if (left.length === 0 || performance.now() > deadline) return left;
      await wait(LOOK_MS, undefined, { signal: this.signal });
    }
  }

  private async whatIsLeft(): Promise<string[]> {
    const { inOutboxes } = this.counts();
    const left = [
      ...(this.loud > 0 ? [`${this.loud} devices were not told to be silent`] : []),
      ...(this.commander.waiting > 0 ? [`${this.commander.waiting} requests are not answered`] : []),
      ...(inOutboxes > 0 ? [`${inOutboxes} readings are in the outboxes, or on their way`] : []),
    ];
    if (left.length > 0) return left;
    for (const watcher of this.watchers) {
      const { commands, readings } = await watcher.ledger();
      if (commands.open !== 0) left.push(`${commands.open} commands of ${watcher.fleet} are open`);
      if (readings.unexplained !== 0)
        left.push(`${readings.unexplained} readings of ${watcher.fleet} are unexplained in the ledger`);
    }
    return left;
  }
}

import type { Acknowledgement, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import type { CommandArrival, DeviceEvent } from '../device-event.js';
import { type Change, entriesOf, type Storage } from '../storage/storage.js';
import { type Execute, type Execution, executeCommand, reasonOf } from './execute-command.js';
import { LaneMarks } from './lane-marks.js';
import type { ReceivedCommand } from './received-command.js';

export interface InboxLimits {
  /** Maximum number of commands that run at the same time; further ones are rejected as `busy`. */
  readonly running: number;
  /** Maximum number of finished commands whose acknowledgement is kept; the oldest are evicted first. */
  readonly remembered: number;
  /** Maximum number of lanes whose highest `seq` is kept; the least recently used are evicted first. */
  readonly lanes: number;
}

export const DEFAULT_INBOX_LIMITS: InboxLimits = { running: 8, remembered: 32, lanes: 32 };

/** A received command. */
interface Entry {
  acknowledgement: Acknowledgement | undefined;
  /** Whether the broker has passed the acknowledgement to a subscriber. */
  delivered: boolean;
  /** Trace context for acknowledgements; not stored. */
  traceparent: string | undefined;
}

export interface InboxOptions {
  readonly execute: Execute;
  /** Publishes an acknowledgement; calls `delivered` once the broker has passed it to a subscriber. */
  readonly send: (acknowledgement: Acknowledgement, delivered?: () => void, traceparent?: string) => void;
  readonly storage: Storage;
  /** Whether the storage survives a restart of the program. Without it no command can be acknowledged after a restart. */
  readonly survivesRestart: boolean;
  readonly limits?: InboxLimits;
  readonly onEvent?: (event: DeviceEvent) => void;
}

/**
 * Executes each command at most once, however often the server repeats it, and never an overtaken or expired one.
 *
 * The storage holds the id of a command and its lane mark before execution starts, and its acknowledgement before that is sent. A
 * repeated id therefore gets the stored acknowledgement, even after a restart. After eviction the lane mark still prevents a second
 * execution. A command that a restart interrupted is acknowledged as `failed`.
 */
export class CommandInbox {
  private readonly entries = new Map<string, Entry>();
  private readonly marks: LaneMarks;
  private readonly limits: InboxLimits;
  private running = 0;

  constructor(private readonly options: InboxOptions) {
    this.limits = options.limits ?? DEFAULT_INBOX_LIMITS;
    this.marks = new LaneMarks(options.storage, this.limits.lanes);
    this.load();
  }

  /**
   * Receives a command.
   * @param now estimate of the server's time, milliseconds since 1970
   */
  receive(command: ReceivedCommand, now: () => number): CommandArrival {
    const arrival =
      command.envelope === undefined ? this.bareArrival() : this.arrivalOf(command.envelope, now);
    this.options.onEvent?.({ event: 'command', arrival, ...command.envelope });
    if (arrival === 'executed') this.start(command);
    else if (command.envelope !== undefined) this.reply(command.envelope.id, arrival, command.traceparent);
    return arrival;
  }

  /** Sends again all acknowledgements whose delivery is not confirmed. */
  resend(): void {
    for (const entry of this.entries.values()) if (!entry.delivered) this.deliver(entry);
  }

  /** Loads stored acknowledgements; commands that were running become `failed`. */
  private load(): void {
    const { storage } = this.options;
    for (const [id, text] of entriesOf(storage, 'command:')) {
      const interrupted: Acknowledgement = { id, status: 'failed', reason: 'interrupted by a restart' };
      const acknowledgement = text === '' ? interrupted : (JSON.parse(text) as Acknowledgement);
      this.entries.set(id, {
        acknowledgement,
        delivered: storage.get(`owed:${id}`) === undefined,
        traceparent: undefined,
      });
      if (text === '') this.write([[`command:${id}`, JSON.stringify(acknowledgement)]]);
    }
  }

  private bareArrival(): CommandArrival {
    return this.running < this.limits.running ? 'executed' : 'busy';
  }

  private arrivalOf({ id, lane, seq, expiresAt }: CommandEnvelope, now: () => number): CommandArrival {
    if (this.entries.has(id)) return 'repeated';
    if (expiresAt <= now()) return 'expired';
    if (this.marks.isOvertaken(lane, seq)) return 'overtaken';
    if (this.running >= this.limits.running) return 'busy';
    const changes = [...this.marks.changes(lane, seq), ...this.changes(id, '')];
    if (!this.write(changes)) return 'storage';
    // The write may have been slow.
    return expiresAt <= now() ? 'expired' : 'executed';
  }

  private reply(id: string, arrival: CommandArrival, traceparent: string | undefined): void {
    const known = this.entries.get(id);
    if (known === undefined) {
      const acknowledgement: Acknowledgement = { id, status: 'rejected', reason: arrival };
      this.write(this.changes(id, JSON.stringify(acknowledgement)));
      this.finish(this.remember(id, traceparent), acknowledgement);
      return;
    }
    known.traceparent ??= traceparent;
    if (known.acknowledgement === undefined) {
      this.options.send({ id, status: 'acknowledged' }, undefined, known.traceparent);
    } else {
      this.deliver(known);
    }
  }

  private start({ action, envelope, traceparent }: ReceivedCommand): void {
    const { execute, onEvent, send } = this.options;
    let entry: Entry | undefined;
    if (envelope !== undefined) {
      this.marks.advance(envelope.lane, envelope.seq);
      entry = this.remember(envelope.id, traceparent);
      send({ id: envelope.id, status: 'acknowledged' }, undefined, traceparent);
    }
    this.running += 1;
    onEvent?.({ event: 'executed', action, ...envelope });
    void executeCommand(execute, action, envelope, traceparent).then((execution) => {
      this.running -= 1;
      if (envelope === undefined || entry === undefined) execution.restart?.();
      else this.complete(envelope.id, entry, execution);
    });
  }

  private complete(id: string, entry: Entry, { acknowledgement, restart }: Execution): void {
    const failure = restart && this.restart({ id, ...acknowledgement }, restart);
    // If the restart succeeds, the next run of the program sends the stored acknowledgement.
    if (restart !== undefined && failure === undefined) return;
    const final: Acknowledgement =
      failure === undefined ? { id, ...acknowledgement } : { id, status: 'failed', reason: failure };
    this.write([[`command:${id}`, JSON.stringify(final)]]);
    this.finish(entry, final);
  }

  /** Stores the acknowledgement and restarts. Returns the reason if that fails. */
  private restart(acknowledgement: Acknowledgement, restart: () => void): string | undefined {
    // Without a stored acknowledgement the server would repeat the command after every restart.
    if (!this.options.survivesRestart) return 'the device has no storage that survives a restart';
    if (!this.write([[`command:${acknowledgement.id}`, JSON.stringify(acknowledgement)]])) return 'storage';
    try {
      restart();
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  private finish(entry: Entry, acknowledgement: Acknowledgement): void {
    entry.acknowledgement = acknowledgement;
    this.options.onEvent?.({ event: 'answered', id: acknowledgement.id, status: acknowledgement.status });
    this.deliver(entry);
  }

  private remember(id: string, traceparent: string | undefined): Entry {
    const forgotten = this.oldestFinished();
    if (forgotten !== undefined) this.entries.delete(forgotten);
    const entry: Entry = { acknowledgement: undefined, delivered: false, traceparent };
    this.entries.set(id, entry);
    return entry;
  }

  /** The storage changes for a received command: its entry, and the eviction of another one if there is no room. */
  private changes(id: string, acknowledgement: string): Change[] {
    const forgotten = this.oldestFinished();
    const leaving: Change[] =
      forgotten === undefined
        ? []
        : [
            [`command:${forgotten}`, undefined],
            [`owed:${forgotten}`, undefined],
          ];
    return [...leaving, [`command:${id}`, acknowledgement], [`owed:${id}`, '']];
  }

  /** The command to evict if there is no room: the oldest finished one. Running commands stay, so that they cannot run twice. */
  private oldestFinished(): string | undefined {
    if (this.entries.size < this.limits.remembered + this.running) return undefined;
    for (const [id, { acknowledgement }] of this.entries) if (acknowledgement !== undefined) return id;
    return undefined;
  }

  private deliver(entry: Entry): void {
    const { acknowledgement } = entry;
    if (acknowledgement === undefined) return;
    const delivered = () => {
      if (entry.delivered) return;
      entry.delivered = true;
      if (this.entries.get(acknowledgement.id) === entry)
        this.write([[`owed:${acknowledgement.id}`, undefined]]);
    };
    this.options.send(acknowledgement, delivered, entry.traceparent);
  }

  private write(changes: Change[]): boolean {
    try {
      this.options.storage.write(changes);
      return true;
    } catch (error) {
      this.options.onEvent?.({ event: 'storage_failed', reason: reasonOf(error) });
      return false;
    }
  }
}

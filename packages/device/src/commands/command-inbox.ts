import type { Answer, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import type { Arrival, DeviceEvent } from '../device-event.js';
import { type Change, entriesOf, type Storage } from '../storage/storage.js';
import { type Execute, type Execution, executeCommand, reasonOf } from './execute-command.js';
import { LaneMarks } from './lane-marks.js';
import type { ReceivedCommand } from './received-command.js';

export interface InboxLimits {
  /** Commands that may run side by side; what exceeds them is rejected as busy. */
  readonly running: number;
  /** Finished commands whose answer is remembered; the oldest are forgotten first. */
  readonly remembered: number;
  /** Lanes whose highest `seq` is remembered; the least recently used are forgotten first. */
  readonly lanes: number;
}

export const DEFAULT_INBOX_LIMITS: InboxLimits = { running: 8, remembered: 32, lanes: 32 };

/** A command that came: without an answer as long as it runs; `delivered` once the broker has handed on the answer. */
interface Entry {
  answer: Answer | undefined;
  delivered: boolean;
  /** Of the command, for its answers; forgotten when the program ends. */
  traceparent: string | undefined;
}

export interface InboxOptions {
  readonly execute: Execute;
  /** Hands an answer to the broker, with the trace of its command; `delivered` may be called once it has handed it on. */
  readonly send: (answer: Answer, delivered?: () => void, traceparent?: string) => void;
  readonly storage: Storage;
  /** Whether the storage outlives the program. If not, no command can be answered after a restart. */
  readonly survivesRestart: boolean;
  readonly limits?: InboxLimits;
  readonly onEvent?: (event: DeviceEvent) => void;
}

/**
 * Executes each command once, however often the server repeats it, and never one that was overtaken or has expired.
 *
 * Before a command begins, the storage holds its id and the mark of its lane; before its answer goes out, the answer. So a
 * repeated id gets the stored answer, also after a restart, as long as it is remembered; when it is forgotten, the mark of the
 * lane still keeps it from running again. A command that the end of the program interrupted is answered `failed`.
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

  /** Takes a command. `now` tells the server's time as far as the device knows it, milliseconds since 1970. */
  receive(command: ReceivedCommand, now: () => number): Arrival {
    const arrival = command.envelope === undefined ? this.receiveBare() : this.judge(command.envelope, now);
    this.options.onEvent?.({ event: 'command', arrival, ...command.envelope });
    if (arrival === 'executed') this.begin(command);
    else if (command.envelope !== undefined) this.reply(command.envelope.id, arrival, command.traceparent);
    return arrival;
  }

  /** Sends again what may not have arrived: the connection ended before the broker said so, there was none, or nobody listened. */
  resend(): void {
    for (const entry of this.entries.values()) if (!entry.delivered) this.deliver(entry);
  }

  /** The answers that the program before this one left, and the commands that it did not finish. */
  private load(): void {
    const { storage } = this.options;
    for (const [id, text] of entriesOf(storage, 'command:')) {
      const interrupted: Answer = { id, status: 'failed', reason: 'interrupted by a restart' };
      const answer = text === '' ? interrupted : (JSON.parse(text) as Answer);
      this.entries.set(id, {
        answer,
        delivered: storage.get(`owed:${id}`) === undefined,
        traceparent: undefined,
      });
      if (text === '') this.write([[`command:${id}`, JSON.stringify(answer)]]);
    }
  }

  private receiveBare(): Arrival {
    return this.running < this.limits.running ? 'executed' : 'busy';
  }

  private judge({ id, lane, seq, expiresAt }: CommandEnvelope, now: () => number): Arrival {
    if (this.entries.has(id)) return 'repeated';
    if (expiresAt <= now()) return 'expired';
    if (this.marks.overtaken(lane, seq)) return 'overtaken';
    if (this.running >= this.limits.running) return 'busy';
    const changes = [...this.marks.changes(lane, seq), ...this.changes(id, '')];
    if (!this.write(changes)) return 'storage';
    // A disk takes its time.
    return expiresAt <= now() ? 'expired' : 'executed';
  }

  private reply(id: string, arrival: Arrival, traceparent: string | undefined): void {
    const known = this.entries.get(id);
    if (known === undefined) {
      const answer: Answer = { id, status: 'rejected', reason: arrival };
      this.write(this.changes(id, JSON.stringify(answer)));
      this.finish(this.remember(id, traceparent), answer);
      return;
    }
    known.traceparent ??= traceparent;
    if (known.answer === undefined) {
      this.options.send({ id, status: 'acknowledged' }, undefined, known.traceparent);
    } else {
      this.deliver(known);
    }
  }

  private begin({ action, envelope, traceparent }: ReceivedCommand): void {
    const { execute, onEvent, send } = this.options;
    let entry: Entry | undefined;
    if (envelope !== undefined) {
      this.marks.begin(envelope.lane, envelope.seq);
      entry = this.remember(envelope.id, traceparent);
      send({ id: envelope.id, status: 'acknowledged' }, undefined, traceparent);
    }
    this.running += 1;
    onEvent?.({ event: 'executed', action, ...envelope });
    void executeCommand(execute, action, envelope, traceparent).then((execution) => {
      this.running -= 1;
      if (envelope === undefined || entry === undefined) execution.restart?.();
      else this.end(envelope.id, entry, execution);
    });
  }

  private end(id: string, entry: Entry, { answer, restart }: Execution): void {
    const failure = restart && this.restart({ id, ...answer }, restart);
    // A restart that went well ends this program; its answer waits in the storage for the next one.
    if (restart !== undefined && failure === undefined) return;
    const final: Answer =
      failure === undefined ? { id, ...answer } : { id, status: 'failed', reason: failure };
    this.write([[`command:${id}`, JSON.stringify(final)]]);
    this.finish(entry, final);
  }

  /** Restarts, with the answer in the storage; tells why if it cannot. */
  private restart(answer: Answer, restart: () => void): string | undefined {
    // Without the memory of it, the command would come again after the restart, and again.
    if (!this.options.survivesRestart) return 'the device has no storage that survives a restart';
    if (!this.write([[`command:${answer.id}`, JSON.stringify(answer)]])) return 'storage';
    try {
      restart();
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  private finish(entry: Entry, answer: Answer): void {
    entry.answer = answer;
    this.options.onEvent?.({ event: 'answered', id: answer.id, status: answer.status });
    this.deliver(entry);
  }

  private remember(id: string, traceparent: string | undefined): Entry {
    const forgotten = this.forgettable();
    if (forgotten !== undefined) this.entries.delete(forgotten);
    const entry: Entry = { answer: undefined, delivered: false, traceparent };
    this.entries.set(id, entry);
    return entry;
  }

  /** What a storage must be told of a command that came: itself, and who is forgotten for it. */
  private changes(id: string, answer: string): Change[] {
    const forgotten = this.forgettable();
    const leaving: Change[] =
      forgotten === undefined
        ? []
        : [
            [`command:${forgotten}`, undefined],
            [`owed:${forgotten}`, undefined],
          ];
    return [...leaving, [`command:${id}`, answer], [`owed:${id}`, '']];
  }

  /** The oldest finished command, if there is no room for another. One that runs could be executed again if it were forgotten. */
  private forgettable(): string | undefined {
    if (this.entries.size < this.limits.remembered + this.running) return undefined;
    for (const [id, { answer }] of this.entries) if (answer !== undefined) return id;
    return undefined;
  }

  private deliver(entry: Entry): void {
    const { answer } = entry;
    if (answer === undefined) return;
    const delivered = () => {
      if (entry.delivered) return;
      entry.delivered = true;
      if (this.entries.get(answer.id) === entry) this.write([[`owed:${answer.id}`, undefined]]);
    };
    this.options.send(answer, delivered, entry.traceparent);
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

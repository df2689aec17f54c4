import type { Answer, CommandEnvelope } from '@lamplighter/contracts/command';
import { type Execute, executeCommand } from './execute-command.js';
import type { ReceivedCommand } from './received-command.js';

export interface InboxLimits {
  /** Commands that may run side by side; what exceeds them is rejected as busy. */
  readonly running: number;
  /** Finished commands whose answer is remembered; the oldest are forgotten first. */
  readonly remembered: number;
}

export const DEFAULT_INBOX_LIMITS: InboxLimits = { running: 8, remembered: 32 };

/** What became of a command on arrival. A closed set: it may be a metric label. */
export const ARRIVALS = ['executed', 'repeated', 'expired', 'busy', 'invalid'] as const;
export type Arrival = (typeof ARRIVALS)[number];

/** A command that came: without an answer as long as it runs; `delivered` once the broker has the answer. */
interface Entry {
  answer: Answer | undefined;
  delivered: boolean;
}

/**
 * Executes each command once. The server repeats a command until it is answered; a repeated id gets the stored answer
 * again and is not executed again, as long as it is remembered. Expiry is judged by the device's clock.
 */
export class CommandInbox {
  private readonly entries = new Map<string, Entry>();
  private running = 0;

  /** @param send hands an answer to the broker; the answer's `delivered` may be called once it has it */
  constructor(
    private readonly execute: Execute,
    private readonly send: (answer: Answer, delivered?: () => void) => void,
    private readonly limits: InboxLimits = DEFAULT_INBOX_LIMITS,
  ) {}

  /** Takes a command. `now` is milliseconds since 1970. */
  receive({ action, envelope }: ReceivedCommand, now: number): Arrival {
    if (envelope === undefined) return this.receiveBare({ action });
    const known = this.entries.get(envelope.id);
    if (known !== undefined) {
      if (known.answer === undefined) this.send({ id: envelope.id, status: 'acknowledged' });
      else this.deliver(known);
      return 'repeated';
    }
    if (envelope.expiresAt <= now) return this.refuse(envelope, 'expired');
    if (this.running >= this.limits.running) return this.refuse(envelope, 'busy');
    this.send({ id: envelope.id, status: 'acknowledged' });
    const entry = this.remember(envelope.id, undefined);
    this.run({ action, envelope }, (answer) => {
      entry.answer = { id: envelope.id, ...answer };
      this.deliver(entry);
    });
    return 'executed';
  }

  /** Sends again what the broker may not have: the connection ended before it said so, or there was none. */
  resend(): void {
    for (const entry of this.entries.values()) if (!entry.delivered) this.deliver(entry);
  }

  private receiveBare(command: ReceivedCommand): Arrival {
    if (this.running >= this.limits.running) return 'busy';
    this.run(command, () => {});
    return 'executed';
  }

  private refuse({ id }: CommandEnvelope, reason: 'expired' | 'busy'): Arrival {
    this.deliver(this.remember(id, { id, status: 'rejected', reason }));
    return reason;
  }

  private run({ action, envelope }: ReceivedCommand, finish: (answer: Omit<Answer, 'id'>) => void): void {
    this.running += 1;
    void executeCommand(this.execute, action, envelope).then((answer) => {
      this.running -= 1;
      finish(answer);
    });
  }

  private remember(id: string, answer: Answer | undefined): Entry {
    const entry: Entry = { answer, delivered: false };
    this.entries.set(id, entry);
    if (this.entries.size > this.limits.remembered + this.running) this.forgetOldest();
    return entry;
  }

  /** A command that runs is never forgotten: it could be executed a second time meanwhile. */
  private forgetOldest(): void {
    for (const [id, { answer }] of this.entries) {
      if (answer === undefined) continue;
      this.entries.delete(id);
      return;
    }
  }

  private deliver(entry: Entry): void {
    if (entry.answer === undefined) return;
    this.send(entry.answer, () => {
      entry.delivered = true;
    });
  }
}

import type { CommandState, Policy } from '@lamplighter/contracts/command';
import { LEASE_MS } from '../src/accept-readings.js';
import { isFinal, MAX_ATTEMPTS } from '../src/commands.js';

/** A time that is known only to lie between two readings of the clock, milliseconds. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

export interface ModelCommand {
  readonly id: string;
  readonly device: string;
  readonly lane: string;
  readonly policy: Policy;
  readonly expiresAt: Moment;
  state: CommandState;
  attempt: number;
  wasDispatched: boolean;
  due: Moment;
}

const after = ({ from, to }: Moment, ms: number): Moment => ({ from: from + ms, to: to + ms });
const earlier = (a: Moment, b: Moment): Moment => ({
  from: Math.min(a.from, b.from),
  to: Math.min(a.to, b.to),
});
const ACKNOWLEDGED_MS = 12 * LEASE_MS;

/** What the command queue should do, in plain words: commands in the order in which they were taken. */
export class QueueModel {
  readonly commands: ModelCommand[] = [];

  /** Takes a command; returns those that it supersedes. `lease` is given when the taker dispatches it itself. */
  enqueue(
    taken: Pick<ModelCommand, 'id' | 'device' | 'lane' | 'policy'>,
    now: Moment,
    { ttl, isLeased }: { ttl: number; isLeased: boolean },
  ): string[] {
    const superseded =
      taken.policy === 'latest' ? this.lane(taken.lane).filter(({ state }) => state === 'pending') : [];
    for (const command of superseded) this.finish(command, 'superseded', now);
    const expiresAt = after(now, ttl);
    const command: ModelCommand = {
      ...taken,
      expiresAt,
      state: 'pending',
      attempt: 0,
      wasDispatched: false,
      due: expiresAt,
    };
    if (this.head(taken.lane) === undefined) {
      command.due = now;
      if (isLeased) this.dispatch(command, now);
    }
    this.commands.push(command);
    return superseded.map(({ id }) => id);
  }

  /** Follows a claim, and says what is wrong with it; claimed are the ids with outcome and attempt. */
  claim(claimed: readonly { id: string; outcome: string; attempt: number }[], now: Moment): string[] {
    const wrong: string[] = [];
    const headsBefore = this.open().filter((command) => this.head(command.lane) === command);
    for (const { id, outcome, attempt } of claimed) {
      const command = this.find(id);
      if (command === undefined || isFinal(command.state))
        wrong.push(`${id} ${outcome}, though it is not open`);
      else if (command.due.from > now.to) wrong.push(`${id} ${outcome} too early`);
      else wrong.push(...this.follow(command, outcome, now));
      if (command !== undefined && command.attempt !== attempt) wrong.push(`${id} is attempt ${attempt}`);
    }
    for (const command of this.open()) {
      const isForgotten = command.due.to <= now.from && !claimed.some(({ id }) => id === command.id);
      if (!isForgotten) continue;
      if (headsBefore.includes(command) || command.expiresAt.to <= now.from)
        wrong.push(`${command.id} was left out`);
      else if (this.head(command.lane) !== command) command.due = command.expiresAt;
    }
    return wrong;
  }

  private follow(command: ModelCommand, outcome: string, now: Moment): string[] {
    const { id, state, attempt } = command;
    const mayHaveExpired = command.expiresAt.from <= now.to;
    const mustHaveExpired = command.expiresAt.to <= now.from;
    const wasHandedOver = state !== 'pending' || attempt > 0;
    const isUsedUp = state !== 'pending' && attempt >= MAX_ATTEMPTS;
    switch (outcome) {
      case 'expired':
        this.finish(command, outcome, now);
        return mayHaveExpired && !wasHandedOver ? [] : [`${id} expired as ${state} ${attempt}`];
      case 'unknown':
        this.finish(command, outcome, now);
        return isUsedUp || (mayHaveExpired && wasHandedOver) ? [] : [`${id} unknown as ${state} ${attempt}`];
      default: {
        const isHead = this.head(command.lane) === command;
        this.dispatch(command, now);
        return isHead && !mustHaveExpired && !isUsedUp
          ? []
          : [`${id} dispatched as ${state} ${attempt}, head: ${isHead}`];
      }
    }
  }

  requeue(id: string, attempt: number, waitMs: number, now: Moment): void {
    const command = this.find(id);
    if (command?.state !== 'dispatched' || command.attempt !== attempt) return;
    command.state = 'pending';
    command.attempt -= 1;
    command.due = earlier(after(now, waitMs), command.expiresAt);
  }

  answer(id: string, device: string, status: CommandState, now: Moment): string {
    const command = this.find(id);
    if (command === undefined) return 'missing';
    if (command.device !== device) return 'foreign';
    if (command.state === status) return 'repeated';
    if (isFinal(command.state)) return 'late';
    if (status === 'acknowledged') {
      command.state = status;
      command.due = earlier(after(now, ACKNOWLEDGED_MS), command.expiresAt);
    } else this.finish(command, status, now);
    return status;
  }

  cancel(id: string, now: Moment): string {
    const command = this.find(id);
    if (command?.state !== 'pending') return command?.state ?? 'missing';
    this.finish(command, 'cancelled', now);
    return 'cancelled';
  }

  wake(device: string, now: Moment): number {
    const waiting = this.open().filter(
      (command) =>
        command.device === device && command.state === 'pending' && this.head(command.lane) === command,
    );
    for (const command of waiting) command.due = now;
    return waiting.length;
  }

  find(id: string): ModelCommand | undefined {
    return this.commands.find((command) => command.id === id);
  }

  open(): ModelCommand[] {
    return this.commands.filter(({ state }) => !isFinal(state));
  }

  private lane(lane: string): ModelCommand[] {
    return this.open().filter((command) => command.lane === lane);
  }

  private head(lane: string): ModelCommand | undefined {
    return this.lane(lane)[0];
  }

  private dispatch(command: ModelCommand, now: Moment): void {
    command.state = 'dispatched';
    command.attempt += 1;
    command.wasDispatched = true;
    command.due = earlier(after(now, LEASE_MS * 2 ** (command.attempt - 1)), command.expiresAt);
  }

  private finish(command: ModelCommand, state: CommandState, now: Moment): void {
    const wasHead = this.head(command.lane) === command;
    command.state = state;
    const next = this.head(command.lane);
    if (wasHead && next !== undefined) next.due = now;
  }
}

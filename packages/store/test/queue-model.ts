import type { CommandState, OnFailure, Policy } from '@lamplighter/contracts/commands/command';
import { isFinal } from '../src/commands/read-commands.js';
import { LEASE_MS } from '../src/keys.js';

/** A time between two clock readings, milliseconds. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

/** A requested command. */
export interface ModelRequest {
  readonly id: string;
  readonly device: string;
  readonly lane: string;
  readonly policy: Policy;
  readonly onFailure: OnFailure;
  readonly timeoutMs: number;
  readonly attempts: number;
}

export interface ModelCommand extends ModelRequest {
  readonly createdAt: Moment;
  readonly expiresAt: Moment;
  state: CommandState;
  attempt: number;
  /** Number of dispatches so far, and of its latest lease. */
  dispatches: number;
  due: Moment;
}

const after = ({ from, to }: Moment, ms: number): Moment => ({ from: from + ms, to: to + ms });
const earlier = (a: Moment, b: Moment): Moment => ({
  from: Math.min(a.from, b.from),
  to: Math.min(a.to, b.to),
});
/** Longest wait for the turn of a returning device. */
const TURN_MS = 20;
const LATER_MS = 60_000;

/** The specification of the command queue: commands in the order in which they were enqueued. */
export class QueueModel {
  readonly commands: ModelCommand[] = [];
  /** Unreachable devices. */
  readonly away = new Set<string>();
  /** Devices that are silent during an open session. */
  readonly stale = new Set<string>();
  /** Stopped lanes, and the command that stopped each. */
  readonly stopped = new Map<string, string>();

  /** Enqueues a command, and returns the ones that it replaces. `isLeased`: the caller dispatches it itself. */
  enqueue(
    request: ModelRequest,
    now: Moment,
    { ttl, isLeased }: { ttl: number; isLeased: boolean },
  ): { superseded: string[]; unknown: string[] } {
    const replaced =
      request.policy === 'latest' ? this.lane(request.lane).filter(({ state }) => state === 'pending') : [];
    for (const command of replaced) command.state = command.attempt > 0 ? 'unknown' : 'superseded';
    const expiresAt = after(now, ttl);
    const command: ModelCommand = {
      ...request,
      createdAt: now,
      expiresAt,
      state: 'pending',
      attempt: 0,
      dispatches: 0,
      due: expiresAt,
    };
    if (this.head(request.lane) === undefined && !this.stopped.has(request.lane)) {
      command.due = this.waits(command) ? expiresAt : now;
      if (isLeased && !this.away.has(command.device)) this.dispatch(command, now);
    }
    this.commands.push(command);
    const idsOf = (end: CommandState) => replaced.filter(({ state }) => state === end).map(({ id }) => id);
    return { superseded: idsOf('superseded'), unknown: idsOf('unknown') };
  }

  /** Applies a claim of the store, and returns its errors. */
  claim(
    claimed: readonly { id: string; outcome: string; attempt: number; aborted: readonly string[] }[],
    now: Moment,
  ): string[] {
    const wrong: string[] = [];
    const headsBefore = this.open().filter((command) => this.head(command.lane) === command);
    const dueBefore = new Map(this.open().map((command) => [command, command.due]));
    for (const { id, outcome, attempt, aborted } of claimed) {
      const command = this.find(id);
      if (command === undefined || isFinal(command.state)) wrong.push(`${id} ${outcome}, but it is not open`);
      else if (command.due.from > now.to) wrong.push(`${id} ${outcome} too early`);
      else wrong.push(...this.follow(command, outcome, aborted, now));
      if (command !== undefined && command.attempt !== attempt) wrong.push(`${id} is attempt ${attempt}`);
    }
    for (const command of this.open()) {
      const wasDue = command.due === dueBefore.get(command) && command.due.to <= now.from;
      // A woken device has its turn within milliseconds: this claim may or may not have read its command.
      if (!wasDue && command.state === 'pending' && this.waits(command) && command.due.from <= now.to)
        command.due = { from: command.due.from, to: command.expiresAt.to };
      if (!wasDue || claimed.some(({ id }) => id === command.id)) continue;
      const isHead = headsBefore.includes(command);
      if (isHead && this.waits(command)) {
        if (command.expiresAt.to <= now.from) wrong.push(`${command.id} did not end`);
        command.state = 'pending';
        command.due = command.expiresAt;
      } else if (isHead) wrong.push(`${command.id} was not claimed`);
      else if (command.expiresAt.to > now.from) command.due = command.expiresAt;
      else if (command.onFailure === 'skip') wrong.push(`${command.id} did not expire`);
      else command.due = after(now, LATER_MS);
    }
    return wrong;
  }

  private follow(command: ModelCommand, outcome: string, aborted: readonly string[], now: Moment): string[] {
    const { id, state, attempt, onFailure } = command;
    const isHead = this.head(command.lane) === command;
    const mayHaveExpired = command.expiresAt.from <= now.to;
    const mustHaveExpired = command.expiresAt.to <= now.from;
    const wasHandedOver = state !== 'pending' || attempt > 0;
    const isUsedUp = state !== 'pending' && attempt >= command.attempts;
    const isOvertaken = this.isOvertaken(command);
    const hasMissed = this.hasMissed(command);
    const what = `${id} ${outcome} as ${state} ${attempt}, head: ${isHead}`;
    if (outcome === 'dispatched') {
      const mayGo =
        isHead &&
        !mustHaveExpired &&
        !isUsedUp &&
        !isOvertaken &&
        !hasMissed &&
        !this.waits(command) &&
        !this.stopped.has(command.lane);
      this.dispatch(command, now);
      return mayGo ? [] : [what];
    }
    const ends: Record<string, boolean> = {
      expired: (mayHaveExpired || hasMissed) && !wasHandedOver,
      superseded: isOvertaken && !mustHaveExpired && !wasHandedOver,
      unknown: isUsedUp || ((mayHaveExpired || isOvertaken || hasMissed) && wasHandedOver),
    };
    const mayEnd = ends[outcome] ?? false;
    const wrong = mayEnd && (isHead || onFailure === 'skip') ? [] : [what];
    const expected = this.finish(command, outcome as CommandState, now);
    return `${expected}` === `${aborted}` ? wrong : [...wrong, `${what} aborted ${aborted}`];
  }

  /** The command, if this is its current lease. */
  private holds(id: string, lease: number): ModelCommand | undefined {
    const command = this.find(id);
    return command?.state === 'dispatched' && command.dispatches === lease ? command : undefined;
  }

  requeue(id: string, lease: number, waitMs: number, hasReturned: boolean, now: Moment): void {
    const command = this.holds(id, lease);
    if (command === undefined) return;
    command.state = 'pending';
    command.attempt -= 1;
    const wait = (age: number) =>
      hasReturned || this.isOvertaken(command) || this.hasMissed(command)
        ? 0
        : Math.min(Math.max(waitMs, Math.max(0, age) / 4), 120 * waitMs);
    const until = {
      from: now.from + wait(now.from - command.createdAt.to),
      to: now.to + wait(now.to - command.createdAt.from),
    };
    command.due = earlier(until, command.expiresAt);
  }

  giveUp(id: string, lease: number, now: Moment): string {
    const command = this.holds(id, lease);
    if (command === undefined) return 'moved on';
    this.finish(command, 'unknown', now);
    return 'unknown';
  }

  acknowledge(id: string, device: string, status: CommandState, now: Moment): string {
    const command = this.find(id);
    if (command === undefined) return 'missing';
    if (command.device !== device) return 'foreign';
    this.stale.delete(device); // an acknowledgement is a sign of life
    if (command.state === status) return 'repeated';
    if (isFinal(command.state)) return 'late';
    if (status === 'acknowledged') {
      command.state = status;
      command.due = after(now, command.timeoutMs);
    } else this.finish(command, status, now);
    return status;
  }

  cancel(id: string, now: Moment): string {
    const command = this.find(id);
    if (command?.state !== 'pending') return command?.state ?? 'missing';
    const wasHead = this.head(command.lane) === command;
    command.state = command.attempt > 0 ? 'unknown' : 'cancelled';
    if (wasHead) this.advance(command.lane, now);
    return command.state;
  }

  wake(device: string, now: Moment): number {
    const waiting = this.open().filter(
      (command) =>
        command.device === device &&
        command.state === 'pending' &&
        this.head(command.lane) === command &&
        !this.stopped.has(command.lane),
    );
    for (const command of waiting)
      command.due = earlier(command.due, { from: now.from, to: now.to + TURN_MS });
    return waiting.length;
  }

  resume(lane: string, now: Moment): string | undefined {
    const stoppedBy = this.stopped.get(lane);
    this.stopped.delete(lane);
    if (stoppedBy !== undefined) this.advance(lane, now);
    return stoppedBy;
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

  /** A newer command would have superseded it if it had not been in flight. */
  private isOvertaken(command: ModelCommand): boolean {
    const newest = this.lane(command.lane).at(-1);
    return command.policy === 'latest' && newest?.policy === 'latest' && newest !== command;
  }

  /** Its policy is `now`, and its device was unreachable. */
  private hasMissed({ policy, state, dispatches, device }: ModelCommand): boolean {
    return (
      policy === 'now' &&
      ((state === 'pending' && dispatches > 0) || this.away.has(device) || this.stale.has(device))
    );
  }

  /** It waits for a sign of life: its device is unreachable, or stale before the last of several attempts. */
  private waits({ policy, device, attempt, attempts }: ModelCommand): boolean {
    const isLast = attempt > 0 && attempt + 1 >= attempts;
    return policy !== 'now' && (this.away.has(device) || (this.stale.has(device) && isLast));
  }

  private head(lane: string): ModelCommand | undefined {
    return this.lane(lane)[0];
  }

  private dispatch(command: ModelCommand, now: Moment): void {
    command.state = 'dispatched';
    command.attempt += 1;
    command.dispatches += 1;
    command.due = earlier(after(now, LEASE_MS * 2 ** Math.min(command.attempt - 1, 6)), command.expiresAt);
  }

  /** Ends a command by an acknowledgement or by time, and returns the commands that are aborted with it. */
  private finish(command: ModelCommand, state: CommandState, now: Moment): string[] {
    const wasHead = this.head(command.lane) === command;
    command.state = state;
    if (!wasHead) return [];
    if (state !== 'succeeded' && command.onFailure === 'stop' && !this.stopped.has(command.lane))
      this.stopped.set(command.lane, command.id);
    if (state !== 'succeeded' && command.onFailure === 'abort-rest') {
      const rest = this.lane(command.lane);
      for (const one of rest) one.state = 'cancelled';
      return rest.map(({ id }) => id);
    }
    this.advance(command.lane, now);
    return [];
  }

  private advance(lane: string, now: Moment): void {
    const head = this.head(lane);
    if (head !== undefined && !this.stopped.has(lane)) head.due = now;
  }
}

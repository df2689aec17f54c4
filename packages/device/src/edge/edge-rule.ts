import { type Action, type CommandEnvelope, defaultLane } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Evaluated } from '@lamplighter/evaluation/context/evaluated';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { evidenceOf } from '@lamplighter/evaluation/evaluate/evidence';
import { timeOfCommand } from '../commands/command-time.js';
import { CommandRejected, type Execute, executeCommand, reasonOf } from '../commands/execute-command.js';
import type { DeviceEvent } from '../device-event.js';
import type { Change, Storage } from '../storage/storage.js';
import type { Measurements } from '../telemetry/reading-count.js';
import { EdgeJournal } from './edge-journal.js';
import { HeldRule, parseEdgeRule } from './held-rule.js';

export interface EdgeOptions {
  readonly fleet: string;
  readonly device: string;
  readonly execute: Execute;
  /** For how long the link must be down before the device goes by the rule itself, ms. */
  readonly afterMs: number;
  /** Whether the device keeps its readings until a receipt comes. */
  readonly keeps: boolean;
  /** The device's time, and the server's as far as the device knows it; ms since 1970. */
  readonly clock: () => number;
  readonly now: () => number;
  readonly storage: Storage;
  readonly onEvent: (event: DeviceEvent) => void;
}

/** Where the rule is kept; empty if there was one, and what it has decided may not be reported yet. */
export const RULE_KEY = 'edge:rule';
const STATE_KEY = 'edge:state';
/** How well a device knows the server's time, milliseconds; see ServerClock. */
const TIME_TOLERANCE_MS = 2000;
/** Longest time that a timer of Node can wait, milliseconds; beyond it the timer is set again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The fleet's rule on the device: judged here by the server's own evaluator while the link is down, and by nobody but the server while
 * it stands. What the rule remembers is in the storage, so that a restart neither forgets nor fires, and it starts from what the
 * server commanded last. A run that was begun here is ended here, also after the link is back.
 */
export class EdgeRule {
  readonly journal: EdgeJournal;
  private held: HeldRule | undefined;
  private state: RuleState | undefined;
  private readonly startedAt: number;
  private downSince: number | undefined;
  private acting = false;
  /** A reading came while something was being done about another. */
  private hasNews = false;
  /** A reading is being taken, and has no number yet. */
  private isTaking = false;
  private closed = false;
  private wakeAt: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** The server began the run, and ends it if it can. */
  private isServersRun = false;
  /** Decisions on the reading that is being taken. */
  private unnumbered: number[] = [];
  /** When something was last decided here, server time in ms. */
  private decidedAt: number;

  constructor(private readonly options: EdgeOptions) {
    const { storage, keeps, now } = options;
    this.startedAt = now();
    this.journal = new EdgeJournal(storage, keeps, (changes, how) => this.write(changes, how));
    this.decidedAt = this.journal.newestId;
    this.load();
  }

  /**
   * Takes the rule of an `edge_rule` command, or gives its rule up for `null`.
   * @returns the result of the command
   * @throws CommandRejected if it cannot go by the rule
   */
  follow(action: Action): { [EDGE_RULE_KEY]: string | null } {
    if (Object.keys(action).length > 1) throw new CommandRejected(`"${EDGE_RULE_KEY}" comes alone`);
    const value = action[EDGE_RULE_KEY];
    if (value === null) {
      this.held = undefined;
      this.state = undefined;
      this.store([[RULE_KEY, '']]);
    } else {
      const held = new HeldRule(parseEdgeRule(value), this.options);
      this.held = held;
      // What another rule has decided is nothing to this one, save that a run is still ended.
      if (this.state?.since !== held.document.since && this.state?.runUntil === undefined)
        this.state = undefined;
      this.store([[RULE_KEY, JSON.stringify(held.document)]]);
    }
    this.wakeAt = undefined;
    this.schedule();
    return { [EDGE_RULE_KEY]: this.held?.name ?? null };
  }

  /**
   * The server has commanded this: its word counts for more than what was decided here.
   * @throws CommandRejected if it is older than what was decided here: it had waited for the device to come back
   */
  told(action: Action, envelope: CommandEnvelope | undefined): void {
    const { held, state } = this;
    if (held === undefined || (envelope?.lane ?? defaultLane(action)) !== held.lane) return;
    const createdAt = envelope && timeOfCommand(envelope.id);
    if (createdAt !== undefined && createdAt < this.decidedAt - TIME_TOLERANCE_MS)
      throw new CommandRejected('overtaken by what the device decided without its link');
    const raised = held.sideOf(action);
    if (raised === undefined) return;
    this.journal.forgetState();
    const { since } = held.document;
    const runMs = raised ? held.runMs() : undefined;
    const isKnown = state?.since === since && state.raised === raised && state.runUntil === undefined;
    if (isKnown && runMs === undefined) return;
    const at = this.options.now();
    this.isServersRun = runMs !== undefined;
    this.wakeAt = undefined;
    this.state = {
      since,
      raised,
      at,
      emittedAt: at,
      raisedAt: raised ? undefined : state?.raised ? state.at : state?.raisedAt,
      runUntil: runMs === undefined ? undefined : at + runMs,
      loop: state?.loop,
    };
    this.store([]);
    this.schedule();
  }

  /** The link is down, or not yet up. */
  lost(): void {
    this.closed = false;
    this.downSince ??= performance.now();
    this.schedule();
  }

  /** The server decides again. */
  returned(): void {
    this.downSince = undefined;
    this.wakeAt = undefined;
    this.schedule();
  }

  /** The device stops: nothing is judged by timer until it begins again. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** Takes a reading, and judges it if nobody else does. */
  consider(measurements: Measurements): void {
    const { held, options } = this;
    if (held === undefined) return;
    held.push({ at: options.clock(), receivedAt: options.now(), reading: measurements });
    if (!this.governs) return;
    this.isTaking = true;
    if (this.acting) this.hasNews = true;
    else this.judge('reading');
    this.isTaking = false;
  }

  /** What the reading that is being taken is to carry under `_edge`; undefined if there is nothing to tell. */
  report(measurements: Measurements): Measurement | undefined {
    const rule = this.held?.alone.id ?? 'none';
    return this.journal.report(rule, measurements, this.downSince === undefined);
  }

  /** Follows what becomes of readings. */
  note(event: DeviceEvent): void {
    this.journal.note(event);
    if (event.event !== 'taken') return;
    for (const id of this.unnumbered) this.journal.complete(id, { seq: event.seq });
    this.unnumbered = [];
  }

  private get governs(): boolean {
    return this.downSince !== undefined && performance.now() - this.downSince >= this.options.afterMs;
  }

  private load(): void {
    const { storage, onEvent } = this.options;
    const [rule, state] = [storage.get(RULE_KEY), storage.get(STATE_KEY)];
    if (!rule) return;
    try {
      this.held = new HeldRule(parseEdgeRule(JSON.parse(rule)), this.options);
      if (state !== undefined) this.state = JSON.parse(state) as RuleState;
      this.journal.remember(this.state);
    } catch (error) {
      onEvent({
        event: 'acted',
        status: 'failed',
        reason: `the stored rule: ${reasonOf(error)}`.slice(0, 250),
      });
    }
  }

  private judge(trigger: Observation['trigger']): void {
    const { held, options } = this;
    if (held === undefined) return;
    const now = options.now();
    const observation = held.observe(trigger, now, this.startedAt);
    const before = this.state;
    const device = { address: options, answers: true, lesson: false };
    const evaluated = evaluate(held.alone, before, observation, device, now);
    this.wakeAt = evaluated.wakeAt;
    this.state = evaluated.state;
    if (evaluated.error !== undefined)
      options.onEvent({ event: 'acted', status: 'failed', reason: evaluated.error.slice(0, 250) });
    if (evaluated.emit !== undefined) this.decide(held, evaluated, before, observation, now);
    else if (evaluated.state !== before) this.store([], { durable: false });
    this.schedule();
  }

  private decide(
    { alone, isOfOneDevice }: HeldRule,
    { emit, raise = false, reason = 'change', state }: Evaluated,
    before: RuleState | undefined,
    observation: Observation,
    now: number,
  ): void {
    const { options } = this;
    const device = { address: options, answers: true, lesson: false };
    const {
      version,
      trigger,
      now: _,
      device: __,
      ...because
    } = evidenceOf(alone, before, observation, device, now);
    this.isServersRun = false;
    const seq = this.isTaking ? undefined : this.journal.newestSeq;
    const decision = { rule: alone.id, version, raise, reason, action: emit, seq, now, trigger, because };
    const id = this.journal.add(decision, isOfOneDevice ? state : undefined, [this.stateChange()]);
    this.decidedAt = now;
    if (this.isTaking) this.unnumbered.push(id);
    this.act(id, emit!);
  }

  private act(id: number, action: Action): void {
    const { execute, onEvent } = this.options;
    this.acting = true;
    this.hasNews = false;
    void executeCommand(execute, action, undefined).then(({ answer, restart }) => {
      this.acting = false;
      const { status, reason } = answer;
      if (status !== 'acknowledged') this.journal.complete(id, { status });
      onEvent({ event: 'acted', action, status, ...(reason !== undefined && { reason }) });
      restart?.();
      if (this.hasNews && this.governs && !this.closed) this.judge('reading');
      else this.schedule();
    });
  }

  /** Sets the timer for whatever comes next: the take-over, what the rule waits for, or the end of a run. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.held === undefined || this.acting || this.closed) return;
    const ms = this.nextMs();
    if (ms === undefined) return;
    this.timer = setTimeout(
      () => (ms > MAX_TIMER_MS ? this.schedule() : this.judge('timer')),
      Math.min(Math.max(1, ms), MAX_TIMER_MS),
    );
    this.timer.unref();
  }

  private nextMs(): number | undefined {
    const { downSince, state, options } = this;
    if (downSince !== undefined && !this.governs) return downSince + options.afterMs - performance.now();
    const own = this.isServersRun ? undefined : state?.runUntil;
    const at = downSince === undefined ? own : (this.wakeAt ?? state?.runUntil);
    return at === undefined ? undefined : at - options.now();
  }

  private stateChange(): Change {
    return [STATE_KEY, this.state && JSON.stringify(this.state)];
  }

  private store(more: Change[], how?: { durable?: boolean }): void {
    this.write([...more, this.stateChange()], how);
  }

  private write(changes: Change[], how?: { durable?: boolean }): void {
    try {
      this.options.storage.write(changes, how);
    } catch (error) {
      this.options.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
    }
  }
}

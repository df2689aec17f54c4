import { type Action, type CommandEnvelope, defaultLane } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Evaluated } from '@lamplighter/evaluation/context/evaluated';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { evidenceOf } from '@lamplighter/evaluation/evaluate/evidence';
import { commandCreatedAt } from '../commands/command-time.js';
import { CommandRejected, type Execute, executeCommand, reasonOf } from '../commands/execute-command.js';
import type { DeviceEvent } from '../device-event.js';
import type { Change, Storage } from '../storage/storage.js';
import type { Measurements } from '../telemetry/reading-count.js';
import { InstalledRule, parseEdgeRule } from './installed-rule.js';
import { UnreportedDecisions } from './unreported-decisions.js';

export interface EdgeOptions {
  readonly fleet: string;
  readonly device: string;
  readonly execute: Execute;
  /** How long the link must be down before the edge rule takes over, milliseconds. */
  readonly afterMs: number;
  /** Whether a reading counts as delivered only with its receipt. */
  readonly awaitsReceipt: boolean;
  /** The device clock, and the estimated server time; milliseconds since 1970. */
  readonly clock: () => number;
  readonly now: () => number;
  readonly storage: Storage;
  readonly onEvent: (event: DeviceEvent) => void;
}

/** Storage key of the rule; an empty text after the rule was removed, while decisions may be unreported. */
export const RULE_KEY = 'edge:rule';
const STATE_KEY = 'edge:state';
/** Accuracy of the server time on a device, milliseconds; see ServerClock. */
const TIME_TOLERANCE_MS = 2000;
/** Longest delay of a Node timer, milliseconds. Longer waits use several timers. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The edge rule of a device. The device evaluates it, with the same evaluator as the server, only while the link is down. The rule state is
 * stored, so that a restart neither loses it nor triggers the rule, and it starts from the last command of the server. A run that started
 * on the device also ends on the device, even after the link is back.
 */
export class EdgeRule {
  readonly unreported: UnreportedDecisions;
  private rule: InstalledRule | undefined;
  private state: RuleState | undefined;
  private readonly startedAt: number;
  private downSince: number | undefined;
  private isActing = false;
  /** A reading arrived while an action was being executed. */
  private hasNewReading = false;
  /** A reading is being published and has no `_seq` yet. */
  private isTaking = false;
  private closed = false;
  private wakeAt: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Whether the server started the current run; it then ends it if the link allows. */
  private isRunOfServer = false;
  /** Decisions about the reading that is being published. */
  private unnumbered: number[] = [];
  /** Time of the last decision, server time in milliseconds. */
  private decidedAt: number;

  constructor(private readonly options: EdgeOptions) {
    const { storage, awaitsReceipt: keeps, now } = options;
    this.startedAt = now();
    this.unreported = new UnreportedDecisions(storage, keeps, (changes, how) => this.write(changes, how));
    this.decidedAt = this.unreported.newestId;
    this.load();
  }

  /**
   * Installs the rule of an `edge_rule` command; `null` removes the rule.
   * @returns the result of the command
   * @throws CommandRejected if the rule cannot run on this device
   */
  install(action: Action): { [EDGE_RULE_KEY]: string | null } {
    if (Object.keys(action).length > 1) throw new CommandRejected(`"${EDGE_RULE_KEY}" must be the only key`);
    const value = action[EDGE_RULE_KEY];
    if (value === null) {
      this.rule = undefined;
      this.state = undefined;
      this.store([[RULE_KEY, '']]);
    } else {
      const held = new InstalledRule(parseEdgeRule(value), this.options);
      this.rule = held;
      // The state of another rule does not apply, except that its run must still end.
      if (this.state?.since !== held.document.since && this.state?.runUntil === undefined)
        this.state = undefined;
      this.store([[RULE_KEY, JSON.stringify(held.document)]]);
    }
    this.wakeAt = undefined;
    this.schedule();
    return { [EDGE_RULE_KEY]: this.rule?.name ?? null };
  }

  /**
   * Adopts a command of the server, which overrides decisions of the device.
   * @throws CommandRejected if it was created before the last decision of the device and was pending since
   */
  onServerCommand(action: Action, envelope: CommandEnvelope | undefined): void {
    const { rule: held, state } = this;
    if (held === undefined || (envelope?.lane ?? defaultLane(action)) !== held.lane) return;
    const createdAt = envelope && commandCreatedAt(envelope.id);
    if (createdAt !== undefined && createdAt < this.decidedAt - TIME_TOLERANCE_MS)
      throw new CommandRejected('overtaken by a decision of the edge rule');
    const raised = held.sideOf(action);
    if (raised === undefined) return;
    this.unreported.forgetState();
    const { since } = held.document;
    const runMs = raised ? held.runMs() : undefined;
    const isKnown = state?.since === since && state.raised === raised && state.runUntil === undefined;
    if (isKnown && runMs === undefined) return;
    const at = this.options.now();
    this.isRunOfServer = runMs !== undefined;
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

  /** The link is down, or not up yet. */
  onOffline(): void {
    this.closed = false;
    this.downSince ??= performance.now();
    this.schedule();
  }

  /** The link is up: the server evaluates the rule. */
  onOnline(): void {
    this.downSince = undefined;
    this.wakeAt = undefined;
    this.schedule();
  }

  /** Stops timers until the device starts again. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** Adds a reading, and evaluates it if the device is in control. */
  onReading(measurements: Measurements): void {
    const { rule: held, options } = this;
    if (held === undefined) return;
    held.push({ at: options.clock(), receivedAt: options.now(), reading: measurements });
    if (!this.isInControl) return;
    this.isTaking = true;
    if (this.isActing) this.hasNewReading = true;
    else this.evaluateRule('reading');
    this.isTaking = false;
  }

  /** The value of `_edge` in the reading that is being published; undefined if there is nothing to report. */
  report(measurements: Measurements): Measurement | undefined {
    const rule = this.rule?.standalone.id ?? 'none';
    return this.unreported.report(rule, measurements, this.downSince === undefined);
  }

  /** Tracks the readings that carry reports. */
  onConnectionChange(event: DeviceEvent): void {
    this.unreported.onEvent(event);
    if (event.event !== 'taken') return;
    for (const id of this.unnumbered) this.unreported.complete(id, { seq: event.seq });
    this.unnumbered = [];
  }

  private get isInControl(): boolean {
    return this.downSince !== undefined && performance.now() - this.downSince >= this.options.afterMs;
  }

  private load(): void {
    const { storage, onEvent } = this.options;
    const [rule, state] = [storage.get(RULE_KEY), storage.get(STATE_KEY)];
    if (!rule) return;
    try {
      this.rule = new InstalledRule(parseEdgeRule(JSON.parse(rule)), this.options);
      if (state !== undefined) this.state = JSON.parse(state) as RuleState;
      this.unreported.restoreState(this.state);
    } catch (error) {
      onEvent({
        event: 'acted',
        status: 'failed',
        reason: `stored edge rule: ${reasonOf(error)}`.slice(0, 250),
      });
    }
  }

  private evaluateRule(trigger: Observation['trigger']): void {
    const { rule: held, options } = this;
    if (held === undefined) return;
    const now = options.now();
    const observation = held.observe(trigger, now, this.startedAt);
    const before = this.state;
    const device = { address: options, acknowledges: true, lesson: false };
    const evaluated = evaluate(held.standalone, before, observation, device, now);
    this.wakeAt = evaluated.wakeAt;
    this.state = evaluated.state;
    if (evaluated.error !== undefined)
      options.onEvent({ event: 'acted', status: 'failed', reason: evaluated.error.slice(0, 250) });
    if (evaluated.emit !== undefined) this.decide(held, evaluated, before, observation, now);
    else if (evaluated.state !== before) this.store([], { durable: false });
    this.schedule();
  }

  private decide(
    { standalone, isOfOneDevice }: InstalledRule,
    { emit, raise = false, reason = 'change', state }: Evaluated,
    before: RuleState | undefined,
    observation: Observation,
    now: number,
  ): void {
    const { options } = this;
    const device = { address: options, acknowledges: true, lesson: false };
    const {
      version,
      trigger,
      now: _,
      device: __,
      ...because
    } = evidenceOf(standalone, before, observation, device, now);
    this.isRunOfServer = false;
    const seq = this.isTaking ? undefined : this.unreported.newestSeq;
    const decision = {
      rule: standalone.id,
      version,
      raise,
      reason,
      action: emit,
      seq,
      now,
      trigger,
      because,
    };
    const id = this.unreported.add(decision, isOfOneDevice ? state : undefined, [this.stateChange()]);
    this.decidedAt = now;
    if (this.isTaking) this.unnumbered.push(id);
    this.executeAction(id, emit!);
  }

  private executeAction(id: number, action: Action): void {
    const { execute, onEvent } = this.options;
    this.isActing = true;
    this.hasNewReading = false;
    void executeCommand(execute, action, undefined).then(({ acknowledgement, restart }) => {
      this.isActing = false;
      const { status, reason } = acknowledgement;
      if (status !== 'acknowledged') this.unreported.complete(id, { status });
      onEvent({ event: 'acted', action, status, ...(reason !== undefined && { reason }) });
      restart?.();
      if (this.hasNewReading && this.isInControl && !this.closed) this.evaluateRule('reading');
      else this.schedule();
    });
  }

  /** Sets the timer for the next event: taking over, a wake-up of the rule, or the end of a run. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.rule === undefined || this.isActing || this.closed) return;
    const ms = this.nextMs();
    if (ms === undefined) return;
    this.timer = setTimeout(
      () => (ms > MAX_TIMER_MS ? this.schedule() : this.evaluateRule('timer')),
      Math.min(Math.max(1, ms), MAX_TIMER_MS),
    );
    this.timer.unref();
  }

  private nextMs(): number | undefined {
    const { downSince, state, options } = this;
    if (downSince !== undefined && !this.isInControl) return downSince + options.afterMs - performance.now();
    const own = this.isRunOfServer ? undefined : state?.runUntil;
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

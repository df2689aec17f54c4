import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { commandsTopic } from '@lamplighter/contracts/topics';
import type { DeviceFacts } from '@lamplighter/evaluation/context/evaluation-context';
import type { PromisedEnd, RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { RuleEndReason } from '@lamplighter/evaluation/evaluate/promised-end';
import { targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type PastReading, ReadingWindow } from '@lamplighter/evaluation/window/reading-window';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Session } from '@lamplighter/store/devices/session';
import type { DeviceWindow } from '@lamplighter/store/devices/windows';
import { exactVersion, NEW_DEVICE, UNKNOWN_VERSION } from '@lamplighter/store/rules/state-version';
import type { StoredDeviceState } from '@lamplighter/store/telemetry/device-part';
import type { Mark, WindowTail } from '@lamplighter/store/telemetry/reading-order';
import type { RuleSet } from '../rule-book/rule-set.js';

/** Time after an evaluation within which every replica has read the evaluated rule, milliseconds. */
const STATE_RETENTION_MS = 60_000;

/** Time within which every working replica has read a new rule, milliseconds. */
export const RULE_PROPAGATION_MS = 5000;

const NONE: readonly never[] = [];

/** Readings to load when most of a window is cached: usually other replicas have added fewer since. */
const TAIL = 16;

/**
 * A device as this replica knows it; an entry of the device cache. The store holds the authoritative state: it compares `version` and
 * `mark` with its own (and, if rules use the window, the number of readings in it), and returns its state if they differ. So an outdated
 * entry costs a round trip, never a wrong state.
 */
export class KnownDevice implements DeviceFacts {
  readonly commandsTopic: string;
  readonly lesson: boolean;
  readonly isCanary: boolean;
  private session: Session | undefined;
  /** The session comes from a birth that this replica received. */
  private isAnnounced = false;
  version: string = UNKNOWN_VERSION;
  mark: Mark = { seq: undefined, at: undefined };
  /** Undefined if another replica may have written since. */
  tail: WindowTail | undefined;
  states: Readonly<Record<string, RuleState>> = {};
  /** When its timer is due according to the cache, server time in ms. */
  timer: number | undefined;

  private rulesInForce: RuleSet | undefined;
  /** Rules, except quorums, with this device in their scope. */
  rules: readonly CompiledRule[] = [];
  /** Quorums in which it has a vote. */
  quorums: readonly CompiledRule[] = [];
  /** Quorums that command it and re-assert their command. */
  targets: readonly CompiledRule[] = [];
  /** The keys of their states, and the `since` of the rules. */
  private sinceByKey: ReadonlyMap<string, number> = new Map();
  /** The states to which `orphanedStates` applies. */
  private inspectedStates: KnownDevice['states'] | undefined;
  private orphanedStates: readonly string[] = NONE;
  /** How many readings its rules need from the window. */
  depth = 0;
  /** The longest interval between readings that the device is set to, as last read, milliseconds. */
  longestIntervalMs: number | undefined;
  /** Its latest readings, if its rules need them; undefined if they have to be loaded first. */
  window: ReadingWindow | undefined;
  private count = 0;
  private late = 0;
  /** The window as last loaded; newer readings are appended to it. */
  private loaded:
    | { readonly past: readonly PastReading[]; readonly count: number; readonly late: number }
    | undefined;

  constructor(readonly address: DeviceAddress) {
    this.lesson = address.lesson;
    this.isCanary = address.fleet === CANARY_FLEET;
    this.commandsTopic = commandsTopic(address.fleet, address.device, address.lesson);
  }

  /** The device understands `_cmd` and acknowledges. */
  get acknowledges(): boolean {
    return this.session !== undefined;
  }

  /** Start of the device's current boot according to its births. */
  get startedAt(): number | undefined {
    return this.session?.startedAt;
  }

  /** The device keeps readings until it gets their receipts. */
  get expectsReceipts(): boolean {
    return this.session?.keeps === true;
  }

  /** Records a birth. From then on sessions from the store are ignored, because they may be older. */
  recordBirth(session: Session): void {
    // The store determines `startedAt`, after the birth was first recorded here.
    this.session = { ...session, startedAt: session.startedAt ?? this.session?.startedAt };
    this.isAnnounced = true;
  }

  /** Adopts the session from the store, unless this replica received a birth. */
  updateSession(session: Session | undefined): void {
    if (session !== undefined && !this.isAnnounced) this.session = session;
  }

  /** Sets the rules in force. */
  useRules(ruleSet: RuleSet): void {
    if (ruleSet === this.rulesInForce) return;
    this.rulesInForce = ruleSet;
    const rules = ruleSet.forDevice(this.address.device);
    this.rules = rules.filter(({ quorum }) => quorum === undefined);
    this.quorums = rules.filter(({ quorum }) => quorum !== undefined);
    this.targets = ruleSet.forTarget(this.address.device);
    const before = this.sinceByKey;
    this.sinceByKey = new Map([
      ...rules.map(({ id, since }) => [id, since] as const),
      ...this.targets.map(({ id, since }) => [targetKey(id), since] as const),
    ]);
    this.inspectedStates = undefined;
    this.dropStates(before);
    const depth = rules.reduce((deepest, rule) => Math.max(deepest, rule.depth), 0);
    if (depth > this.depth) this.forgetWindow(); // the loaded one is too short
    this.depth = depth;
  }

  /** A rule that detects silence names the device, so it is evaluated even if it has never reported. */
  get isExpected(): boolean {
    const { device } = this.address;
    return this.rules.some(
      ({ absenceMs, scope }) => absenceMs !== undefined && scope !== '*' && scope.includes(device),
    );
  }

  /** The rules in force. */
  get ruleSet(): RuleSet {
    return this.rulesInForce!;
  }

  /**
   * The keys of states that no rule in force continues and that need an action: a run to end, a verdict to release, a hold to discard.
   * Cheap while the states are the same object.
   */
  orphanedStatesIn(states: KnownDevice['states']): readonly string[] {
    if (states === this.inspectedStates) return this.orphanedStates;
    this.inspectedStates = states;
    const left = Object.keys(states).filter((key) => this.isOrphaned(key, states[key]!));
    this.orphanedStates = left.length === 0 ? NONE : left;
    return this.orphanedStates;
  }

  private isOrphaned(key: string, state: RuleState): boolean {
    if (this.sinceByKey.get(key) === state.since) return false;
    if (state.runUntil !== undefined) return true;
    if (state.held !== undefined && !this.sinceByKey.has(key)) return true;
    return state.raised && this.releaseOf(key, state) !== undefined;
  }

  /** Why no rule in force continues the state with this key. */
  endReasonOf(key: string): RuleEndReason {
    const reason = this.ruleSet.endReasonOf(key);
    return reason === 'changed' && !this.sinceByKey.has(key) ? 'out_of_scope' : reason;
  }

  /** The command that releases an orphaned state; undefined if the device stays as it is. */
  releaseOf(key: string, { since }: RuleState): PromisedEnd | undefined {
    return this.rulesInForce?.releaseOf(key, since, this.address.device);
  }

  /** Drops the states of rules that no longer apply. States of rules unknown to this replica stay: another one may have read them. */
  private dropStates(before: ReadonlyMap<string, number>): void {
    const gone = [...before.keys()].filter((key) => {
      const state = this.sinceByKey.has(key) ? undefined : this.states[key];
      return state !== undefined && state.runUntil === undefined && this.releaseOf(key, state) === undefined;
    });
    if (gone.length === 0) return;
    const states = { ...this.states };
    for (const key of gone) delete states[key];
    this.states = states;
  }

  /** Whether another replica has just evaluated a rule for it that this replica has not read yet. */
  wasEvaluatedElsewhere(now: number): boolean {
    return Object.entries(this.states).some(
      ([key, { at, held = at }]) =>
        !this.sinceByKey.has(key) && now - Math.max(at, held) < RULE_PROPAGATION_MS,
    );
  }

  /** The states to store: without those of rules that are gone, except runs and verdicts that still have to end. */
  pruneStates(states: KnownDevice['states'], now: number): KnownDevice['states'] {
    const isGone = ([id, state]: [string, RuleState]) =>
      !this.sinceByKey.has(id) &&
      state.runUntil === undefined &&
      now - state.at > STATE_RETENTION_MS &&
      this.releaseOf(id, state) === undefined;
    const all = Object.entries(states);
    return all.some(isGone) ? Object.fromEntries(all.filter((entry) => !isGone(entry))) : states;
  }

  /** Its rules need the window, and it has to be loaded. */
  get needsWindow(): boolean {
    return this.depth > 0 && this.window === undefined && this.version !== UNKNOWN_VERSION;
  }

  /** Replaces the cached state with the stored one. */
  adoptStored(stored: StoredDeviceState): void {
    this.version = stored.version;
    this.mark = stored.mark;
    this.tail = undefined;
    this.states = stored.rules === '' ? {} : (JSON.parse(stored.rules) as Record<string, RuleState>);
    this.window = undefined;
    this.timer = undefined;
    this.updateSession(stored.session);
  }

  /** Discards the state of a rule, so that it decides and sends its command again on the next reading. */
  resetState({ id }: CompiledRule): void {
    const { [id]: _, ...others } = this.states;
    this.states = others;
  }

  /** How many of its latest readings to load for a window of this depth. */
  readingsToLoad(depth: number): number {
    return this.loaded === undefined ? depth : Math.min(TAIL, depth);
  }

  /**
   * Sets the window from the store, cut to a depth. If only a tail was loaded and it does not connect to the cached readings, there is
   * still no window, and all of it has to be loaded.
   */
  setWindow({ readings, count, late, longestIntervalMs }: DeviceWindow, depth: number): void {
    this.longestIntervalMs = longestIntervalMs;
    let past: PastReading[] = readings.map(({ at, receivedAt, measurements }) => ({
      at: at ?? receivedAt,
      receivedAt,
      reading: measurements,
    }));
    if (this.loaded !== undefined) {
      const known = this.loaded;
      this.loaded = undefined;
      const first = past.length - (count - known.count);
      if (late !== known.late || !isSame(past[first - 1], known.past.at(-1))) return;
      past = [...known.past, ...past.slice(first)];
    }
    past = past.slice(-depth);
    this.window = new ReadingWindow(past, depth);
    this.count = count;
    this.late = late;
    if (this.depth > 0 && past.length > 0) this.loaded = { past, count, late };
  }

  forgetWindow(): void {
    this.window = undefined;
    this.loaded = undefined;
  }

  /** Counts live readings that this replica added to the window. */
  countLive(live: number): void {
    this.count += live;
  }

  /** The version that the store has to compare; includes that of the window if the evaluation used it. */
  versionToCompare(usesWindow: boolean): string {
    if (!usesWindow || this.version === NEW_DEVICE) return this.version;
    return exactVersion(this.version, this.count, this.late);
  }
}

function isSame(one: PastReading | undefined, other: PastReading | undefined): boolean {
  return one !== undefined && one.at === other?.at && one.receivedAt === other.receivedAt;
}

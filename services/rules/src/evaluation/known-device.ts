import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { commandsTopic } from '@lamplighter/contracts/topics';
import type { DeviceFacts } from '@lamplighter/evaluation/context/evaluation-context';
import type { PromisedEnd, RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { Departure } from '@lamplighter/evaluation/evaluate/promised-end';
import { targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { History, type PastReading } from '@lamplighter/evaluation/window/history';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { DeviceHistory } from '@lamplighter/store/devices/histories';
import type { Session } from '@lamplighter/store/devices/session';
import { exactVersion, NEW_DEVICE, UNKNOWN_VERSION } from '@lamplighter/store/rules/state-version';
import type { StoredDeviceState } from '@lamplighter/store/telemetry/device-part';
import type { Mark, WindowTail } from '@lamplighter/store/telemetry/reading-order';
import type { RuleSet } from '../rule-book/rule-set.js';

/** No replica is so far behind with the rules that it does not know one that was judged so long ago, milliseconds. */
const STATE_RETENTION_MS = 60_000;

/** A replica that works knows every rule so soon after it was written, milliseconds. */
export const RULE_PROPAGATION_MS = 5000;

const NOTHING: readonly never[] = [];

/** So many readings are read when most of a history is known: another replica has added fewer since, as a rule. */
const TAIL = 16;

/**
 * What this replica believes of a device. The store has the truth: it compares `version` and `mark` with its own (and, where rules
 * look back, how many readings the window was given), and sends its grounds back when they differ. So a wrong belief costs a round
 * trip, never a wrong state.
 */
export class KnownDevice implements DeviceFacts {
  readonly commandsTopic: string;
  readonly lesson: boolean;
  readonly isCanary: boolean;
  private session: Session | undefined;
  /** The session is of a birth that this replica received; every replica receives all births. */
  private isAnnounced = false;
  version: string = UNKNOWN_VERSION;
  mark: Mark = { seq: undefined, at: undefined };
  /** Undefined where another replica may have written since. */
  tail: WindowTail | undefined;
  states: Readonly<Record<string, RuleState>> = {};
  /** When the store is believed to wake it, server time in ms. */
  timer: number | undefined;

  private ruleSet: RuleSet | undefined;
  /** Rules that command this device. */
  rules: readonly CompiledRule[] = [];
  /** Quorums in which it has a vote. */
  quorums: readonly CompiledRule[] = [];
  /** Quorums that command it, and tell it again if it does otherwise. */
  targets: readonly CompiledRule[] = [];
  /** Under which names these have states, and of which `since`. */
  private sinceByKey: ReadonlyMap<string, number> = new Map();
  /** Of which states it is known what `leftIn` says. */
  private inspectedStates: KnownDevice['states'] | undefined;
  private leftovers: readonly string[] = NOTHING;
  /** How many readings its rules look back. */
  depth = 0;
  /** The longest time between two readings that it was told, as it was read last; milliseconds. */
  longestIntervalMs: number | undefined;
  /** What it has sent lately, if its rules look back; undefined if that has to be read first. */
  history: History | undefined;
  private count = 0;
  private late = 0;
  /** The history as it was when it was last read; what came since is put behind it. */
  private loaded:
    | { readonly past: readonly PastReading[]; readonly count: number; readonly late: number }
    | undefined;

  constructor(readonly address: DeviceAddress) {
    this.lesson = address.lesson;
    this.isCanary = address.fleet === CANARY_FLEET;
    this.commandsTopic = commandsTopic(address.fleet, address.device, address.lesson);
  }

  /** It understands `_cmd` and answers. */
  get answers(): boolean {
    return this.session !== undefined;
  }

  /** When the present run of the device began, as its births tell. */
  get startedAt(): number | undefined {
    return this.session?.startedAt;
  }

  /** It keeps readings until a receipt comes. */
  get keeps(): boolean {
    return this.session?.keeps === true;
  }

  /** Takes a birth. The store may still return an older one for a moment, so it is not asked any more. */
  recordBirth(session: Session): void {
    // A birth is known a moment before the store has returned when the run began.
    this.session = { ...session, startedAt: session.startedAt ?? this.session?.startedAt };
    this.isAnnounced = true;
  }

  /** Takes the session of which the store knows, unless a birth came. */
  updateSession(session: Session | undefined): void {
    if (session !== undefined && !this.isAnnounced) this.session = session;
  }

  /** Goes by these rules from now on. */
  useRules(ruleSet: RuleSet): void {
    if (ruleSet === this.ruleSet) return;
    this.ruleSet = ruleSet;
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
    if (depth > this.depth) this.forgetHistory(); // it does not reach back so far
    this.depth = depth;
  }

  /** A rule waits for its silence by its name, so it is judged although it may never have reported. */
  get isExpected(): boolean {
    const { device } = this.address;
    return this.rules.some(
      ({ absenceMs, scope }) => absenceMs !== undefined && scope !== '*' && scope.includes(device),
    );
  }

  /** The rules in force. */
  get ruleBook(): RuleSet {
    return this.ruleSet!;
  }

  /**
   * The states among these that no rule in force goes on from, and of which something is left to do: a run to be ended, a verdict to be
   * taken back, a hold to be forgotten. Cheap as long as the states are the same.
   */
  leftoversIn(states: KnownDevice['states']): readonly string[] {
    if (states === this.inspectedStates) return this.leftovers;
    this.inspectedStates = states;
    const left = Object.keys(states).filter((key) => this.isLeftover(key, states[key]!));
    this.leftovers = left.length === 0 ? NOTHING : left;
    return this.leftovers;
  }

  private isLeftover(key: string, state: RuleState): boolean {
    if (this.sinceByKey.get(key) === state.since) return false;
    if (state.runUntil !== undefined) return true;
    if (state.held !== undefined && !this.sinceByKey.has(key)) return true;
    return state.raised && this.releaseOf(key, state) !== undefined;
  }

  /** Why no rule in force goes on from a state that has this name. */
  departureOf(key: string): Departure {
    const departure = this.ruleBook.departureOf(key);
    return departure === 'changed' && !this.sinceByKey.has(key) ? 'out_of_scope' : departure;
  }

  /** How what a rule has left with this device is to be taken back; undefined if it stays. */
  releaseOf(key: string, { since }: RuleState): PromisedEnd | undefined {
    return this.ruleSet?.releaseOf(key, since, this.address.device);
  }

  /** States of rules that it followed and no longer does. Of rules that it has never heard of another replica may know more. */
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

  /** Whether another replica has just judged it by a rule that is not known here yet. */
  wasEvaluatedElsewhere(now: number): boolean {
    return Object.entries(this.states).some(
      ([key, { at, held = at }]) =>
        !this.sinceByKey.has(key) && now - Math.max(at, held) < RULE_PROPAGATION_MS,
    );
  }

  /** The states that are to be stored: not those of rules that are gone, except runs that are yet to be ended. */
  pruneStates(states: KnownDevice['states'], now: number): KnownDevice['states'] {
    const isGone = ([id, state]: [string, RuleState]) =>
      !this.sinceByKey.has(id) &&
      state.runUntil === undefined &&
      now - state.at > STATE_RETENTION_MS &&
      this.releaseOf(id, state) === undefined;
    const all = Object.entries(states);
    return all.some(isGone) ? Object.fromEntries(all.filter((entry) => !isGone(entry))) : states;
  }

  /** Its rules look back, and what they would see has to be read from the store. */
  get needsHistory(): boolean {
    return this.depth > 0 && this.history === undefined && this.version !== UNKNOWN_VERSION;
  }

  /** Takes over what the store holds. */
  adoptStored(grounds: StoredDeviceState): void {
    this.version = grounds.version;
    this.mark = grounds.mark;
    this.tail = undefined;
    this.states = grounds.rules === '' ? {} : (JSON.parse(grounds.rules) as Record<string, RuleState>);
    this.history = undefined;
    this.timer = undefined;
    this.updateSession(grounds.session);
  }

  /** Forgets what a rule had decided, so that it decides, and says so, on the next reading. */
  resetState({ id }: CompiledRule): void {
    const { [id]: _, ...others } = this.states;
    this.states = others;
  }

  /** How many of its latest readings have to be read for a history of this depth. */
  readingsToLoad(depth: number): number {
    return this.loaded === undefined ? depth : Math.min(TAIL, depth);
  }

  /**
   * Takes over what it has sent lately, as the store has it, and keeps so many of it. There is still no history if what was read
   * does not reach back to what was known: then all of it has to be read.
   */
  setHistory({ readings, count, late, longestIntervalMs }: DeviceHistory, depth: number): void {
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
    this.history = new History(past, depth);
    this.count = count;
    this.late = late;
    if (this.depth > 0 && past.length > 0) this.loaded = { past, count, late };
  }

  forgetHistory(): void {
    this.history = undefined;
    this.loaded = undefined;
  }

  /** So many live readings were added to the history by this replica. */
  countLive(live: number): void {
    this.count += live;
  }

  /** The version to be compared with the store's; with the window's, if the verdict looked at it. */
  versionToCompare(looksBack: boolean): string {
    if (!looksBack || this.version === NEW_DEVICE) return this.version;
    return exactVersion(this.version, this.count, this.late);
  }
}

function isSame(one: PastReading | undefined, other: PastReading | undefined): boolean {
  return one !== undefined && one.at === other?.at && one.receivedAt === other.receivedAt;
}

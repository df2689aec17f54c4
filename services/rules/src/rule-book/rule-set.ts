import { type DeviceScope, inScope } from '@lamplighter/contracts/rules/device-scope';
import type { PromisedEnd } from '@lamplighter/evaluation/context/rule-state';
import type { Departure } from '@lamplighter/evaluation/evaluate/promised-end';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { ScopeIndex } from './scope-index.js';

/** That what a version of a rule has started is to be taken back: its writer has asked for it. */
export interface Release {
  readonly rule: string;
  /** States of this `since` and of earlier ones. */
  readonly since: number;
  /** The devices that the rule judged, and those for which it went on unchanged, if any. */
  readonly scope: DeviceScope;
  readonly goesOn: DeviceScope | undefined;
  readonly end: PromisedEnd;
}

/** What else is known of a fleet's rules. */
export interface RuleSetFacts {
  /** How often the fleet's rules had been written: a state of a higher `since` is of a version that is not known here yet. */
  readonly revision?: number | undefined;
  /** The fleet's rules are switched off: none is in force. */
  readonly isOff?: boolean;
  /** Rules that are disabled. */
  readonly disabled?: ReadonlySet<string>;
  readonly releases?: ReadonlyMap<string, Release>;
}

/**
 * The rules of one fleet that are in force, as one moment had them. A set never changes: a write makes another one, so whoever
 * holds one sees by its identity whether it is still the present one. Which rules a device has is looked up by its name and
 * its prefixes: rules for others cost nothing.
 */
export class RuleSet {
  /** Quorum rules, which decide for a group. */
  readonly groups: readonly CompiledRule[];
  private readonly byId: ReadonlyMap<string, CompiledRule>;
  private readonly scopes: ScopeIndex;
  /** Quorums that tell their targets again, and whom they command. */
  private readonly reminders: readonly CompiledRule[];
  private readonly targets: ScopeIndex;

  /** @param all rules in force, in the order in which they judge */
  constructor(
    readonly all: readonly CompiledRule[],
    private readonly facts: RuleSetFacts = {},
  ) {
    this.byId = new Map(all.map((rule) => [rule.id, rule]));
    this.groups = all.filter(({ quorum }) => quorum !== undefined);
    this.scopes = new ScopeIndex(all.map(({ scope }) => scope));
    this.reminders = this.groups.filter(({ enabled, reassertMs }) => enabled && Number.isFinite(reassertMs));
    this.targets = new ScopeIndex(this.reminders.map(({ target, scope }) => target ?? scope));
  }

  /** How many judge. */
  get size(): number {
    return this.all.length;
  }

  /** A rule in force; undefined if there is none of this id. */
  get(id: string): CompiledRule | undefined {
    return this.byId.get(id);
  }

  /** Whether a state was written by a version that is not known here yet. */
  isBehind(since: number): boolean {
    return since > (this.facts.revision ?? Number.POSITIVE_INFINITY);
  }

  /** Why a rule no longer judges where it has left a state. */
  departureOf(id: string): Departure {
    if (this.facts.isOff === true) return 'rules_off';
    if (this.facts.disabled?.has(id) === true) return 'disabled';
    return this.byId.has(id) ? 'changed' : 'deleted';
  }

  /** Rules of which something is to be taken back. */
  get releases(): readonly Release[] {
    return [...(this.facts.releases?.values() ?? [])];
  }

  /** How a state is to be taken back that a rule has left with a device (or, without one, with a group); undefined if it stays. */
  releaseOf(id: string, since: number, device?: string): PromisedEnd | undefined {
    const release = this.facts.releases?.get(id);
    if (release === undefined || since > release.since) return undefined;
    if ((release.end.targets === undefined) !== (device !== undefined)) return undefined;
    const isKept = device !== undefined && release.goesOn !== undefined && inScope(release.goesOn, device);
    return isKept ? undefined : release.end;
  }

  /** Rules in whose scope a device is: those that command it, and the quorums in which it has a vote. */
  forDevice(device: string): readonly CompiledRule[] {
    return this.scopes.find(device).map((place) => this.all[place]!);
  }

  /** Quorums that command a device, and tell it again if it does otherwise. */
  forTarget(device: string): readonly CompiledRule[] {
    return this.targets.find(device).map((place) => this.reminders[place]!);
  }
}

import { type DeviceScope, inScope } from '@lamplighter/contracts/rules/device-scope';
import type { PromisedEnd } from '@lamplighter/evaluation/context/rule-state';
import type { RuleEndReason } from '@lamplighter/evaluation/evaluate/promised-end';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { ScopeIndex } from './scope-index.js';

/** A release, requested when a rule was changed, disabled or deleted: its raised verdicts end with command `else`. */
export interface Release {
  readonly rule: string;
  /** Applies to states of this `since` and of earlier ones. */
  readonly since: number;
  /** The scope of the rule before the write. */
  readonly scope: DeviceScope;
  /** Devices for which the rule continues unchanged. */
  readonly keptFor: DeviceScope | undefined;
  readonly end: PromisedEnd;
}

/** Other facts about a fleet's rules. */
export interface RuleSetFacts {
  /** Number of writes to the fleet's rules; a state with a higher `since` belongs to a version that this replica has not read yet. */
  readonly revision?: number | undefined;
  /** The fleet's rules are switched off, so none is in force. */
  readonly isOff?: boolean;
  /** Ids of disabled rules. */
  readonly disabled?: ReadonlySet<string>;
  readonly releases?: ReadonlyMap<string, Release>;
}

/**
 * The rules in force of one fleet. A set is immutable: each write creates a new one, so an identity comparison shows whether a set is
 * current. The rules of a device are found by its name and prefixes, so rules for other devices cost nothing.
 */
export class RuleSet {
  /** Quorum rules, which decide for a group. */
  readonly groups: readonly CompiledRule[];
  private readonly byId: ReadonlyMap<string, CompiledRule>;
  private readonly scopes: ScopeIndex;
  /** Quorums that re-assert their command, and an index of their targets. */
  private readonly reassertingQuorums: readonly CompiledRule[];
  private readonly targets: ScopeIndex;

  /** @param all rules in force, in the order of evaluation */
  constructor(
    readonly all: readonly CompiledRule[],
    private readonly facts: RuleSetFacts = {},
  ) {
    this.byId = new Map(all.map((rule) => [rule.id, rule]));
    this.groups = all.filter(({ quorum }) => quorum !== undefined);
    this.scopes = new ScopeIndex(all.map(({ scope }) => scope));
    this.reassertingQuorums = this.groups.filter(
      ({ enabled, reassertMs }) => enabled && Number.isFinite(reassertMs),
    );
    this.targets = new ScopeIndex(this.reassertingQuorums.map(({ target, scope }) => target ?? scope));
  }

  /** Number of rules in force. */
  get size(): number {
    return this.all.length;
  }

  /** The rule in force with this id. */
  get(id: string): CompiledRule | undefined {
    return this.byId.get(id);
  }

  /** Whether a state belongs to a version that this replica has not read yet. */
  isBehind(since: number): boolean {
    return since > (this.facts.revision ?? Number.POSITIVE_INFINITY);
  }

  /** Why the rule that wrote a state is no longer in force. */
  endReasonOf(id: string): RuleEndReason {
    if (this.facts.isOff === true) return 'rules_off';
    if (this.facts.disabled?.has(id) === true) return 'disabled';
    return this.byId.has(id) ? 'changed' : 'deleted';
  }

  /** The releases in effect. */
  get releases(): readonly Release[] {
    return [...(this.facts.releases?.values() ?? [])];
  }

  /** The command that releases the state of a device (or of a group, without a device); undefined if the state stays. */
  releaseOf(id: string, since: number, device?: string): PromisedEnd | undefined {
    const release = this.facts.releases?.get(id);
    if (release === undefined || since > release.since) return undefined;
    if ((release.end.targets === undefined) !== (device !== undefined)) return undefined;
    const isKept = device !== undefined && release.keptFor !== undefined && inScope(release.keptFor, device);
    return isKept ? undefined : release.end;
  }

  /** Rules with a device in their scope, including the quorums in which it votes. */
  forDevice(device: string): readonly CompiledRule[] {
    return this.scopes.find(device).map((index) => this.all[index]!);
  }

  /** Quorums that command a device and re-assert their command. */
  forTarget(device: string): readonly CompiledRule[] {
    return this.targets.find(device).map((index) => this.reassertingQuorums[index]!);
  }
}

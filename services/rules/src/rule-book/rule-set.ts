import type { CompiledRule } from '@lamplighter/evaluation/compile-rule';
import { ScopeIndex } from './scope-index.js';

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
  constructor(readonly all: readonly CompiledRule[]) {
    this.byId = new Map(all.map((rule) => [rule.id, rule]));
    this.groups = all.filter(({ quorum }) => quorum !== undefined);
    this.scopes = new ScopeIndex(all.map(({ scope }) => scope));
    this.reminders = this.groups.filter(({ enabled, reassertMs }) => enabled && Number.isFinite(reassertMs));
    this.targets = new ScopeIndex(this.reminders.map(({ target, scope }) => target ?? scope));
  }

  /** How many judge. */
  get size(): number {
    return this.all.filter(({ enabled }) => enabled).length;
  }

  /** A rule in force; undefined if there is none of this id. */
  get(id: string): CompiledRule | undefined {
    return this.byId.get(id);
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

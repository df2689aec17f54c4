import type { CompiledRule } from '@lamplighter/evaluation/compile-rule';

/**
 * The rules of one fleet that are in force, as one moment had them. A set never changes: a write makes another one, so whoever
 * holds one sees by its identity whether it is still the present one. Which rules a device has is looked up by its name and
 * its prefixes: rules for others cost nothing.
 */
export class RuleSet {
  /** Quorum rules, which decide for a group. */
  readonly groups: readonly CompiledRule[];
  private readonly byId: ReadonlyMap<string, CompiledRule>;
  private readonly forAll: readonly number[];
  private readonly byName = new Map<string, number[]>();
  private readonly byPrefix = new Map<string, number[]>();
  /** Lengths of the prefixes that there are. */
  private readonly prefixLengths: readonly number[];

  /** @param all rules in force, in the order in which they judge */
  constructor(readonly all: readonly CompiledRule[]) {
    this.byId = new Map(all.map((rule) => [rule.id, rule]));
    this.groups = all.filter(({ quorum }) => quorum !== undefined);
    const forAll: number[] = [];
    for (const [place, { scope }] of all.entries()) {
      if (scope === '*') forAll.push(place);
      else for (const name of scope) this.index(name, place);
    }
    this.forAll = forAll;
    this.prefixLengths = [...new Set([...this.byPrefix.keys()].map(({ length }) => length))];
  }

  private index(name: string, place: number): void {
    const isPrefix = name.endsWith('*');
    const key = isPrefix ? name.slice(0, -1) : name;
    const index = isPrefix ? this.byPrefix : this.byName;
    const places = index.get(key);
    if (places === undefined) index.set(key, [place]);
    else places.push(place);
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
    const places = new Set(this.forAll);
    for (const place of this.byName.get(device) ?? []) places.add(place);
    for (const length of this.prefixLengths)
      for (const place of this.byPrefix.get(device.slice(0, length)) ?? []) places.add(place);
    return [...places].sort((a, b) => a - b).map((place) => this.all[place]!);
  }
}

import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';

/** Finds the scopes that take in a device by its name and its prefixes: scopes of others cost nothing. */
export class ScopeIndex {
  private readonly forAll: number[] = [];
  private readonly byName = new Map<string, number[]>();
  private readonly byPrefix = new Map<string, number[]>();
  /** Lengths of the prefixes that there are. */
  private readonly prefixLengths: readonly number[];

  constructor(scopes: readonly DeviceScope[]) {
    for (const [place, scope] of scopes.entries()) {
      if (scope === '*') this.forAll.push(place);
      else for (const name of scope) this.add(name, place);
    }
    this.prefixLengths = [...new Set([...this.byPrefix.keys()].map(({ length }) => length))];
  }

  private add(name: string, place: number): void {
    const isPrefix = name.endsWith('*');
    const key = isPrefix ? name.slice(0, -1) : name;
    const index = isPrefix ? this.byPrefix : this.byName;
    const places = index.get(key);
    if (places === undefined) index.set(key, [place]);
    else places.push(place);
  }

  /** The places of the scopes that take it in, each once and in order. */
  find(device: string): number[] {
    const places = new Set(this.forAll);
    for (const place of this.byName.get(device) ?? []) places.add(place);
    for (const length of this.prefixLengths)
      for (const place of this.byPrefix.get(device.slice(0, length)) ?? []) places.add(place);
    return [...places].sort((a, b) => a - b);
  }
}

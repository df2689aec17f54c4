import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';

/** Finds the scopes that contain a device by its name and prefixes; scopes of other devices cost nothing. */
export class ScopeIndex {
  /** Indexes of scopes. */
  private readonly forAll: number[] = [];
  private readonly byName = new Map<string, number[]>();
  private readonly byPrefix = new Map<string, number[]>();

  private readonly prefixLengths: readonly number[];

  constructor(scopes: readonly DeviceScope[]) {
    for (const [index, scope] of scopes.entries()) {
      if (scope === '*') this.forAll.push(index);
      else for (const name of scope) this.add(name, index);
    }
    this.prefixLengths = [...new Set([...this.byPrefix.keys()].map(({ length }) => length))];
  }

  private add(name: string, index: number): void {
    const isPrefix = name.endsWith('*');
    const key = isPrefix ? name.slice(0, -1) : name;
    const map = isPrefix ? this.byPrefix : this.byName;
    const indexes = map.get(key);
    if (indexes === undefined) map.set(key, [index]);
    else indexes.push(index);
  }

  /** The indexes of the scopes that contain a device, in ascending order. */
  find(device: string): number[] {
    const indexes = new Set(this.forAll);
    for (const index of this.byName.get(device) ?? []) indexes.add(index);
    for (const length of this.prefixLengths)
      for (const index of this.byPrefix.get(device.slice(0, length)) ?? []) indexes.add(index);
    return [...indexes].sort((a, b) => a - b);
  }
}

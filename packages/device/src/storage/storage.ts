/**
 * What a device must still know after its program restarted: texts by key. `Map` would do, but a change of several keys is
 * kept or lost as one, as far as the medium can.
 *
 * | key | text |
 * |---|---|
 * | `reading:<seq>` | a reading in the outbox, JSON; gone with its receipt, or when it is dropped |
 * | `sent` | highest `_seq` that ever went out: what is above it was never sent |
 * | `count` | `[_seq, _n, _dropped]` of the last reading taken |
 * | `command:<id>` | the answer to a command, JSON; empty while it runs; the oldest are forgotten |
 * | `owed:<id>` | nobody may have heard that answer yet |
 * | `lane:<lane>` | highest `seq` of the lane that was begun; the least recently used is forgotten |
 * | `session` | number of the last session |
 * | `edge:rule`, `edge:state` | the fleet's rule at the edge and what it remembers, JSON |
 * | `edge:decision:<id>`, `edge:dropped` | what was decided by it and is not reported yet, JSON; how many of those made room |
 * | `program:<name>` | for the device's own program |
 */
export interface Storage {
  get(key: string): string | undefined;
  /** All keys and texts, in the order in which the keys came in (a key that was removed comes in anew). */
  entries(): Iterable<readonly [key: string, text: string]>;
  /**
   * Writes texts, and removes the keys whose text is undefined. Returns when that is as safe as this storage makes it; with
   * `durable: false`, and for removals alone, it may be lost: the device then repeats something harmless.
   * @throws StorageFailed and nothing has changed
   */
  write(changes: Iterable<Change>, how?: { durable?: boolean }): void;
}

export type Change = readonly [key: string, text: string | undefined];

/** The medium is full, broken or gone. */
export class StorageFailed extends Error {
  override readonly name = 'StorageFailed';
}

/** Lives as long as the process, or as whoever holds it: enough for a program that restarts its device within itself. */
export class MemoryStorage implements Storage {
  private readonly texts = new Map<string, string>();

  get(key: string): string | undefined {
    return this.texts.get(key);
  }

  entries(): Iterable<readonly [string, string]> {
    return this.texts.entries();
  }

  write(changes: Iterable<Change>): void {
    applyChanges(this.texts, changes);
  }
}

export function applyChanges(texts: Map<string, string>, changes: Iterable<Change>): void {
  for (const [key, text] of changes) {
    if (text === undefined) texts.delete(key);
    else texts.set(key, text);
  }
}

/** The entries whose key begins with the prefix, without it. Copied, so that the storage may be written meanwhile. */
export function entriesOf(storage: Storage, prefix: string): (readonly [name: string, text: string])[] {
  const found: (readonly [string, string])[] = [];
  for (const [key, text] of storage.entries()) {
    if (key.startsWith(prefix)) found.push([key.slice(prefix.length), text]);
  }
  return found;
}

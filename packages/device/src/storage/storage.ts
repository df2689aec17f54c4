/**
 * The state of a device that survives a restart of its program: texts by key. A write of several keys is atomic if the medium allows it.
 *
 * | key | text |
 * |---|---|
 * | `reading:<seq>` | a reading in the outbox, JSON; gone with its receipt, or when it is dropped |
 * | `sent` | highest `_seq` that was sent |
 * | `count` | `[_seq, _n, _dropped]` of the last reading taken |
 * | `command:<id>` | the acknowledgement of a command, JSON; empty while it runs; the oldest are evicted |
 * | `owed:<id>` | the delivery of that acknowledgement is not confirmed |
 * | `lane:<lane>` | highest `seq` started in the lane; the least recently used is evicted |
 * | `session` | number of the last session |
 * | `edge:rule`, `edge:state` | the edge rule and its state, JSON |
 * | `edge:decision:<id>`, `edge:dropped` | an unreported decision of the edge rule, JSON; number of dropped ones |
 * | `program:<name>` | for the device program |
 */
export interface Storage {
  get(key: string): string | undefined;
  /** All keys and texts in insertion order; a key that is removed and written again moves to the end. */
  entries(): Iterable<readonly [key: string, text: string]>;
  /**
   * Writes texts and removes keys whose text is undefined. Returns when the change is durable. With `durable: false`, and for removals
   * only, the change can be lost in a crash; the device then repeats something harmless.
   * @throws StorageFailed and changes nothing
   */
  write(changes: Iterable<Change>, how?: { durable?: boolean }): void;
}

export type Change = readonly [key: string, text: string | undefined];

/** The medium is full, broken or missing. */
export class StorageFailed extends Error {
  override readonly name = 'StorageFailed';
}

/** A storage in memory. It survives a restart of the client within the same process. */
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

/** The entries whose key starts with the prefix, without the prefix. A copy, so that the storage can be written during iteration. */
export function entriesOf(storage: Storage, prefix: string): (readonly [name: string, text: string])[] {
  const found: (readonly [string, string])[] = [];
  for (const [key, text] of storage.entries()) {
    if (key.startsWith(prefix)) found.push([key.slice(prefix.length), text]);
  }
  return found;
}

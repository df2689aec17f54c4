/** What a new command of policy `latest` has replaced, ids. */
export interface Superseded {
  /** Never dispatched, and never will be. */
  readonly superseded: readonly string[];
  /** Dispatched before without an answer, so nobody knows: they have ended as `unknown`. */
  readonly unknown: readonly string[];
}

/** Reads the ids that `enqueue` in enqueue.lua returns; those of unknown end begin with `?`. */
export function supersededOf(ids: readonly string[]): Superseded {
  return {
    superseded: ids.filter((id) => !id.startsWith('?')),
    unknown: ids.filter((id) => id.startsWith('?')).map((id) => id.slice(1)),
  };
}

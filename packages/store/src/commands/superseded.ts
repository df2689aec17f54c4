/** Ids of the commands that a new command of policy `latest` has superseded. */
export interface Superseded {
  /** Never dispatched, and never will be. */
  readonly superseded: readonly string[];
  /** Dispatched but never acknowledged, so they ended as `unknown`. */
  readonly unknown: readonly string[];
}

/** Reads the ids that `enqueue` in enqueue.lua returns; `?` marks those that ended as unknown. */
export function supersededOf(ids: readonly string[]): Superseded {
  return {
    superseded: ids.filter((id) => !id.startsWith('?')),
    unknown: ids.filter((id) => id.startsWith('?')).map((id) => id.slice(1)),
  };
}

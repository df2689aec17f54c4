/** The policy of a lane: only the newest command matters, or each one does. */
export type Kind = 'latest' | 'ordered';

/** A command of the script. Its number is unique, grows in the order of issue, and travels to the device as `n`. */
export interface ScriptedCommand {
  readonly n: number;
  readonly device: number;
  /** The action's key, and the lane of the command. */
  readonly lane: string;
  readonly kind: Kind;
  readonly value: boolean | number;
  /** Time to live, milliseconds; undefined if it does not expire. */
  readonly ttlMs: number | undefined;
}

/** An observed event, in order. `at` is in milliseconds, from one clock. */
export type LogEntry =
  | { readonly at: number; readonly event: 'issued'; readonly command: ScriptedCommand }
  /** The link of the device is up. */
  | { readonly at: number; readonly event: 'online'; readonly device: number }
  | { readonly at: number; readonly event: 'offline'; readonly device: number }
  /** The device program started to execute command `n`. */
  | { readonly at: number; readonly event: 'executed'; readonly device: number; readonly n: number };

/** The action to send, with the number that identifies the command in the log. */
export function actionOf({ lane, value, n }: ScriptedCommand): Record<string, boolean | number> {
  return { [lane]: value, n };
}

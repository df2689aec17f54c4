/** How the commands of a lane follow each other: only the newest counts, or each is a step. */
export type Kind = 'latest' | 'ordered';

/** A command of the script. Its number is unique, grows in the order of issue, and travels to the device as `n`. */
export interface ScriptedCommand {
  readonly n: number;
  readonly device: number;
  /** The action's key, and the lane of the command. */
  readonly lane: string;
  readonly kind: Kind;
  readonly value: boolean | number;
  /** Milliseconds after its issue, from which on it must not be executed; undefined for never. */
  readonly ttlMs: number | undefined;
}

/** What was seen from outside during an outage, in the order in which it happened. `at` is milliseconds, one clock for all. */
export type LogEntry =
  | { readonly at: number; readonly event: 'issued'; readonly command: ScriptedCommand }
  /** The device's link stands, for the first time or again. */
  | { readonly at: number; readonly event: 'back'; readonly device: number }
  | { readonly at: number; readonly event: 'away'; readonly device: number }
  /** The device program began to carry out command `n`. */
  | { readonly at: number; readonly event: 'executed'; readonly device: number; readonly n: number };

/** What is sent: the action, and the number by which the log knows the command again. */
export function actionOf({ lane, value, n }: ScriptedCommand): Record<string, boolean | number> {
  return { [lane]: value, n };
}

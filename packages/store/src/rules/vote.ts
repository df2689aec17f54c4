/** A sensor's vote in a quorum: `1` or `0`, or a number, and the `since` of the rule. */
export interface Vote {
  readonly groupKey: string;
  readonly vote: string;
}

/** A sensor's word in a quorum: `1` or `0`, or a number, and the `since` of the rule it was asked by. */
export interface Vote {
  readonly groupKey: string;
  readonly vote: string;
}

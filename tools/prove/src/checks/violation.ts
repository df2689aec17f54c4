/** Kinds of violations, as the certificate names them. A closed set. */
export const VIOLATIONS = [
  'readings lost',
  'readings stored twice',
  'commands lost',
  'executed twice',
  'out of order',
  'executed after expiry',
  'executed though superseded',
  'states that contradict the device',
  'final states that changed',
  'ledger does not balance',
  'not settled in time',
  'evidence missing',
] as const;
export type ViolationKind = (typeof VIOLATIONS)[number];

export interface Violation {
  readonly kind: ViolationKind;
  /** What happened to what, in words. */
  readonly what: string;
}

import type { Schemas } from '../../api/client.js';

/** A limit of a rule on one measurement. */
export interface Threshold {
  readonly value: number;
  /** As in the rule: `night-light: light < 300`. */
  readonly label: string;
}

type Document = Partial<Pick<Schemas['WholeRule'], 'when' | 'clear'>>;

/** The limits in the conditions of enabled rules that compare a measurement directly with a number. */
export function thresholdsOf(
  rules: readonly { readonly id: string; readonly enabled: boolean; readonly rule?: Document }[],
  measurement: string,
): readonly Threshold[] {
  const name = measurement.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const comparison = new RegExp(`(?<![\\w.])${name}\\s*(<=|>=|<|>)\\s*(-?\\d+(?:\\.\\d+)?)(?![\\w.])`, 'g');
  return rules
    .filter(({ enabled }) => enabled)
    .flatMap(({ id, rule }) =>
      [rule?.when, rule?.clear].flatMap((condition) =>
        [...(condition ?? '').matchAll(comparison)].map(([, sign, value]) => ({
          value: Number(value),
          label: `${id}: ${measurement} ${sign} ${value}`,
        })),
      ),
    );
}

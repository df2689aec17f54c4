import type { Schemas } from '../../api/client.js';

/** A limit of a rule on one measurement. */
export interface Threshold {
  readonly value: number;
  /** As in the rule: `night-light: light < 300`. */
  readonly label: string;
}

type Document = Partial<Pick<Schemas['WholeRule'], 'when' | 'clear' | 'scope'>>;

/** The limits in the conditions of the device's enabled rules that compare a measurement directly with a number. */
export function thresholdsOf(
  rules: readonly { readonly id: string; readonly enabled: boolean; readonly rule?: Document }[],
  measurement: string,
  device: string,
): readonly Threshold[] {
  const name = measurement.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const comparison = new RegExp(`(?<![\\w.])${name}\\s*(<=|>=|<|>)\\s*(-?\\d+(?:\\.\\d+)?)(?![\\w.])`, 'g');
  return rules
    .filter(({ enabled, rule }) => enabled && isInScope(rule?.scope?.devices ?? '*', device))
    .flatMap(({ id, rule }) =>
      [rule?.when, rule?.clear].flatMap((condition) =>
        [...(condition ?? '').matchAll(comparison)].map(([, sign, value]) => ({
          value: Number(value),
          label: `${id}: ${measurement} ${sign} ${value}`,
        })),
      ),
    );
}

/** As in the rules: names, prefixes such as `lamp-*`, or all devices. */
function isInScope(scope: '*' | readonly string[], device: string): boolean {
  if (scope === '*') return true;
  return scope.some((name) => (name.endsWith('*') ? device.startsWith(name.slice(0, -1)) : name === device));
}

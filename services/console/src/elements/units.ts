import { useQuery } from '@tanstack/react-query';
import { lastStatesQuery } from '../api/queries.js';
import { valueText } from './format.js';

export interface Units {
  /** '' if the telemetry schema of the fleet names none. */
  readonly unitOf: (name: string) => string;
  /** A value with its unit: `25.1 °C`. */
  readonly text: (name: string, value: unknown) => string;
}

/** The units of the measurements of a fleet. */
export function useUnits(fleet: string): Units {
  const units = useQuery({ ...lastStatesQuery(fleet), select: (states) => states.units }).data;
  const unitOf = (name: string) => units?.[name] ?? '';
  const text = (name: string, value: unknown) =>
    typeof value === 'number' ? `${valueText(value)} ${unitOf(name)}`.trimEnd() : valueText(value);
  return { unitOf, text };
}

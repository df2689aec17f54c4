import { pointerOf } from '../schema-problem.js';
import { describeValue, type InputFault, isObject, nameOf } from './input-fault.js';
import type { Reading } from './reading.js';
import type { MeasurementType, TelemetrySchema } from './telemetry-schema.js';

/** The declared type of one measurement. */
export interface DeclaredType {
  readonly name: string;
  readonly type: MeasurementType;
}

const TYPE_NAMES: Readonly<Record<MeasurementType, string>> = {
  number: 'a number',
  boolean: 'true or false',
  string: 'a string',
  object: 'an object or a list',
};

/** The types of a telemetry schema as a list, for fast comparison. */
export function declaredTypes({ measurements }: TelemetrySchema): readonly DeclaredType[] {
  return Object.entries(measurements).map(([name, { type }]) => ({ name, type }));
}

/** The first measurement of a reading whose type differs from the declaration; missing and null values match any type. */
export function misfitIn(declared: readonly DeclaredType[], reading: Reading): DeclaredType | undefined {
  for (const one of declared) {
    const value = reading[one.name];
    if (value !== undefined && value !== null && typeof value !== one.type) return one;
  }
  return undefined;
}

/** Explains which measurement of an accepted payload has a different type than declared; in a replay, of the first such reading. */
export function misfitFault(
  declared: readonly DeclaredType[],
  payload: Buffer,
): InputFault<'type'> | undefined {
  const value: unknown = JSON.parse(payload.toString());
  const readings: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const [i, reading] of readings.entries()) {
    const misfit = isObject(reading) ? misfitIn(declared, reading as Reading) : undefined;
    if (misfit === undefined) continue;
    const { name, type } = misfit;
    const place = Array.isArray(value) ? `reading ${i + 1} of ${readings.length}: ` : '';
    return {
      reason: 'type',
      field: pointerOf(Array.isArray(value) ? [i, name] : [name]),
      problem: `${place}${nameOf([name])} is ${describeValue((reading as Reading)[name])}; the fleet's telemetry schema declares ${TYPE_NAMES[type]}`,
    };
  }
  return undefined;
}

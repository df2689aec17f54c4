import type { ApiErrors } from '../src/foundation/api-errors.js';

/** Collects reports of unexpected errors, each with its place. */
export function recordedErrors() {
  const reports: [where: string, error: unknown][] = [];
  const errors = {
    report: (where: string, error: unknown) => reports.push([where, error]),
  } as unknown as ApiErrors;
  return { errors, reports };
}

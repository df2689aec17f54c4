import type { CommandState } from '@lamplighter/contracts/commands/command';
import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';

/**
 * Whether a command that succeeded had the effect that its rule expects:
 *
 *   pending       looked for, or the command has not succeeded yet
 *   effective     a reading showed it in time
 *   ineffective   readings came, and none showed it: the device does as it is told, and nothing happens
 *   unmeasured    nobody can know: no reading said anything, another command of the lane came in between, or the device
 *                 already was as commanded
 */
export const EFFECT_OUTCOMES = ['pending', 'effective', 'ineffective', 'unmeasured'] as const;
export type EffectOutcome = (typeof EFFECT_OUTCOMES)[number];

/** What telemetry should show after a command has succeeded. */
export interface ExpectedEffect {
  /** An expression over the readings that follow; `last` is the one before the command. */
  readonly expect: string;
  /** For how long after its success, milliseconds. */
  readonly withinMs: number;
}

/** Measurements by name: those that the expression, or the command, names. */
export type EffectValues = Readonly<Record<string, Measurement>>;

/** What the outcome rests on. */
export interface EffectEvidence {
  /** The newest live reading before the command first went out to the device; a dispatch that found nobody there does not count. */
  readonly last?: EffectValues;
  /** The reading that showed the effect; or the newest of those that did not. */
  readonly reading?: EffectValues;
}

/** The effect of a command, as it is known now. `at`: when the outcome was found, milliseconds since 1970. */
export interface CommandEffect extends ExpectedEffect, EffectEvidence {
  readonly outcome: EffectOutcome;
  readonly at?: number;
}

/** The field of `answers` that holds a command's effect, `<outcome>,<at>,<evidence as JSON>`. */
export const effectField = (id: string): string => `${id}:effect`;

/** Longest evidence, characters. What a device reports may be large: then the outcome stands alone. */
const MAX_EVIDENCE = 4096;

/** Evidence as it is kept. */
export function evidenceText(evidence: EffectEvidence): string {
  const text = JSON.stringify(evidence);
  return text.length > MAX_EVIDENCE ? '{}' : text;
}

/** The effect of a command in some state; undefined if none is expected, or the command ended without success. */
export function effectOf(
  expected: ExpectedEffect | undefined,
  state: CommandState,
  record: string | null | undefined,
): CommandEffect | undefined {
  if (expected === undefined) return undefined;
  const isFinal = (FINAL_STATES as readonly CommandState[]).includes(state);
  if (isFinal && state !== 'succeeded') return undefined;
  const [, outcome, at, json] = /^(\w+),(\d+),(.*)$/s.exec(record ?? '') ?? [];
  if (outcome === undefined) return { ...expected, outcome: 'pending' };
  const evidence = JSON.parse(json!) as EffectEvidence;
  const isFound = outcome !== 'pending';
  return {
    ...expected,
    outcome: outcome as EffectOutcome,
    ...(isFound && { at: Number(at) }),
    ...evidence,
  };
}

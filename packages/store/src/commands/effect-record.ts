import type { CommandState } from '@lamplighter/contracts/commands/command';
import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';

/**
 * Whether a command that succeeded had the effect that its rule expects:
 *
 *   pending       not decided yet, or the command has not succeeded yet
 *   effective     a reading showed it in time
 *   ineffective   readings arrived, and none showed it: the device executes the command without effect
 *   unmeasured    undecidable: no reading had the measurement, another command of the lane came in between, or the device
 *                 already was in that state
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

/** The evidence of the outcome. */
export interface EffectEvidence {
  /** The newest live reading before the first dispatch that reached the device. */
  readonly last?: EffectValues;
  /** The reading that showed the effect; or the newest of those that did not. */
  readonly reading?: EffectValues;
}

/** The current state of a command's effect check. `at`: when the outcome was found, milliseconds since 1970. */
export interface CommandEffect extends ExpectedEffect, EffectEvidence {
  readonly outcome: EffectOutcome;
  readonly at?: number;
}

/** The field of `answers` that holds a command's effect, `<outcome>,<at>,<evidence as JSON>`. */
export const effectField = (id: string): string => `${id}:effect`;

/** Longest evidence, characters; larger evidence is omitted. */
const MAX_EVIDENCE = 4096;

/** Evidence as it is stored. */
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

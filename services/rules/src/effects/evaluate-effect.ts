import type { Action } from '@lamplighter/contracts/commands/command';
import type { Expression, Scope } from '@lamplighter/evaluation/expression/expression';
import type { EffectEvidence, EffectOutcome, EffectValues } from '@lamplighter/store/commands/effect-record';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** A command that has succeeded, and what is known of its effect. */
export interface EffectCase {
  readonly expect: Expression<boolean>;
  readonly action: Action;
  readonly device: NonNullable<Scope['device']>;
  /** The reading before the command; undefined if there was none, or it is gone. */
  readonly last: EffectValues | undefined;
  /** Live readings after the success and within the time, oldest first. */
  readonly readings: readonly KeptReading[];
  /** The newest reading of which an earlier look has found that it does not show the effect. */
  readonly seen: EffectValues | undefined;
  /** Whether more readings may count; if not, whether another command of the lane has ended that. */
  readonly end: 'open' | 'over' | 'countermanded';
}

/** What is known of the effect now, and what that rests on. */
export interface EffectVerdict {
  readonly outcome: EffectOutcome;
  readonly evidence: EffectEvidence;
}

/**
 * Judges an effect: one reading that shows it is enough. That none does counts only if a reading could have shown it: the
 * expression said no rather than nothing, the time was not cut short, and the device was not already as commanded.
 */
export function evaluateEffect({ last, seen, ...effect }: EffectCase): EffectVerdict {
  const verdict = (outcome: EffectOutcome, reading: EffectValues | undefined): EffectVerdict => ({
    outcome,
    evidence: { ...(last && { last }), ...(reading && { reading }) },
  });
  let unlike = seen;
  for (const { measurements } of effect.readings) {
    const shows = says(effect, measurements, last);
    if (shows === undefined) continue;
    const reading = valuesOf(measurements, effect);
    if (shows) return verdict('effective', reading);
    unlike = reading;
  }
  if (effect.end === 'open') return verdict('pending', unlike);
  const isKnown = effect.end === 'over' && unlike !== undefined && !isAlready(effect.action, last);
  return verdict(isKnown ? 'ineffective' : 'unmeasured', unlike);
}

/** The measurements that the expression or the action names. */
export function valuesOf(
  measurements: EffectValues,
  { expect, action }: Pick<EffectCase, 'expect' | 'action'>,
): EffectValues {
  const names = new Set([...expect.names, ...Object.keys(action)]);
  return Object.fromEntries(Object.entries(measurements).filter(([name]) => names.has(name)));
}

/** Undefined if the reading does not say; one on which the expression fails says nothing either. */
function says(
  { expect, device }: Pick<EffectCase, 'expect' | 'device'>,
  reading: EffectValues,
  last: EffectValues | undefined,
): boolean | undefined {
  try {
    return expect.evaluate({ reading, device, ...(last && { last }) });
    // eslint-disable-next-line no-restricted-syntax -- an expression that fails shows nothing
  } catch {
    return undefined;
  }
}

/** Whether a device that reports what it does was already doing what the command says: then nothing had to happen. */
function isAlready(action: Action, last: EffectValues | undefined): boolean {
  return Object.entries(action).every(
    ([name, value]) => JSON.stringify(last?.[name]) === JSON.stringify(value),
  );
}

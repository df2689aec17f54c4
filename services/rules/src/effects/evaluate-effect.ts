import type { Action } from '@lamplighter/contracts/commands/command';
import type { Expression, Scope } from '@lamplighter/evaluation/expression/expression';
import type { EffectEvidence, EffectOutcome, EffectValues } from '@lamplighter/store/commands/effect-record';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** A succeeded command and the readings that may show its effect. */
export interface EffectCase {
  readonly expect: Expression<boolean>;
  readonly action: Action;
  readonly device: NonNullable<Scope['device']>;
  /** The reading before the command; undefined if there was none or it is no longer stored. */
  readonly last: EffectValues | undefined;
  /** Live readings after the success and before the deadline, oldest first. */
  readonly readings: readonly KeptReading[];
  /** The newest reading that did not show the effect in an earlier check. */
  readonly seen: EffectValues | undefined;
  /** `open`: more readings may count; `over`: the deadline has passed; `countermanded`: a later command of the lane ended it. */
  readonly end: 'open' | 'over' | 'countermanded';
}

/** The outcome so far, and the readings that it is based on. */
export interface EffectVerdict {
  readonly outcome: EffectOutcome;
  readonly evidence: EffectEvidence;
}

/**
 * Evaluates an effect. One reading that shows it is enough. `ineffective` requires a reading that could have shown it: the expression was
 * false rather than undecided, no later command cut the time short, and the device was not already in the commanded state.
 */
export function evaluateEffect({ last, seen, ...effect }: EffectCase): EffectVerdict {
  const verdict = (outcome: EffectOutcome, reading: EffectValues | undefined): EffectVerdict => ({
    outcome,
    evidence: { ...(last && { last }), ...(reading && { reading }) },
  });
  let contrary = seen;
  for (const { measurements } of effect.readings) {
    const shows = expectationOn(effect, measurements, last);
    if (shows === undefined) continue;
    const reading = valuesOf(measurements, effect);
    if (shows) return verdict('effective', reading);
    contrary = reading;
  }
  if (effect.end === 'open') return verdict('pending', contrary);
  const isMeasured = effect.end === 'over' && contrary !== undefined && !isAlready(effect.action, last);
  return verdict(isMeasured ? 'ineffective' : 'unmeasured', contrary);
}

/** The measurements that the expression or the action names. */
export function valuesOf(
  measurements: EffectValues,
  { expect, action }: Pick<EffectCase, 'expect' | 'action'>,
): EffectValues {
  const names = new Set([...expect.names, ...Object.keys(action)]);
  return Object.fromEntries(Object.entries(measurements).filter(([name]) => names.has(name)));
}

/** The value of the expression on a reading; undefined if it is undecided or fails. */
function expectationOn(
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

/** Whether the device already reported the commanded values before the command, so that no effect could follow. */
function isAlready(action: Action, last: EffectValues | undefined): boolean {
  return Object.entries(action).every(
    ([name, value]) => JSON.stringify(last?.[name]) === JSON.stringify(value),
  );
}

import { pointerOf } from '@lamplighter/contracts/schema-problem';
import type { InputFault, Suspicion } from '@lamplighter/contracts/telemetry/input-fault';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import type { Expression } from '@lamplighter/evaluation/expression/expression';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';

/**
 * The text measurement because of which a rule is undecided: it needs a number. Undefined if the rule is undecided because a measurement
 * is missing, unless the text looks like a number.
 */
export function textForNumber(
  { when, clear, quorum }: Pick<CompiledRule, 'when' | 'clear' | 'quorum'>,
  reading: Reading,
): string | undefined {
  const measure = quorum?.measure;
  if (measure !== undefined) return textIn(measure, reading);
  return (when && textIn(when, reading)) ?? (clear && textIn(clear, reading));
}

function textIn({ names }: Pick<Expression<unknown>, 'names'>, reading: Reading): string | undefined {
  let text: string | undefined;
  let isComplete = true;
  for (const name of names) {
    const value = reading[name];
    if (value === undefined) isComplete = false;
    else if (typeof value === 'string' && (text === undefined || isNumeric(value))) text = name;
  }
  return text !== undefined && (isComplete || isNumeric(reading[text])) ? text : undefined;
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
}

/** The fault of a reading with text where a rule needs a number. */
export function textFault(rule: string, name: string, reading: Reading): InputFault<Suspicion> {
  const value = JSON.stringify(reading[name]).slice(0, 50).toWellFormed();
  return {
    reason: 'type',
    field: pointerOf([name]),
    problem: `\`${name}\` is the string ${value}; rule "${rule}" needs a number and cannot decide`,
  };
}

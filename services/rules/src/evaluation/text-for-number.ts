import { pointerOf } from '@lamplighter/contracts/schema-problem';
import type { InputFault, Suspicion } from '@lamplighter/contracts/telemetry/input-fault';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import type { Expression } from '@lamplighter/evaluation/expression/expression';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';

/**
 * The measurement that is text where a rule, which could not decide, needs a number; undefined if the rule is undecided for another reason:
 * something is missing. Text that reads as a number is told even then.
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

/** What is wrong with a reading whose measurement is text where a rule needs a number. */
export function textFault(rule: string, name: string, reading: Reading): InputFault<Suspicion> {
  const value = JSON.stringify(reading[name]).slice(0, 50).toWellFormed();
  return {
    reason: 'type',
    field: pointerOf([name]),
    problem: `\`${name}\` is the text ${value}; rule "${rule}" needs a number and cannot decide`,
  };
}

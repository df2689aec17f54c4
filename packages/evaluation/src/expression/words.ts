import { EXPRESSION_LIMITS } from './language.js';

/** Codes of errors that tell of the reading: a name is missing, or its value is of another type than the expression needs. */
const UNDECIDED = new Set([
  'cannot_index_type',
  'evaluation_error',
  'field_type_mismatch',
  'index_out_of_bounds',
  'invalid_comparison_type',
  'invalid_comprehension_range',
  'invalid_condition_type',
  'invalid_index_type',
  'invalid_logical_operand',
  'list_item_type_mismatch',
  'no_matching_overload',
  'no_such_key',
  'no_such_overload',
  'unknown_variable',
  'unsupported_type',
  'variable_type_mismatch',
]);

/** Whether an error means that the reading does not say, rather than that the expression fails. */
export function isUndecided(code: string): boolean {
  return UNDECIDED.has(code);
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  double: 'a number',
  int: 'a number',
  bool: 'true or false',
  string: 'a text',
  null: 'null',
  dyn: 'anything',
  map: 'an object',
};

/** A type of the library in words. */
export function typeName(type: string): string {
  return TYPE_WORDS[type] ?? (type.startsWith('list') ? 'a list' : type);
}

const SIGNS: Readonly<Record<string, string>> = { _quotient: '/', _remainder: '%' };

/** An error of the library in our words. */
export function rewordError(error: { readonly code?: string; readonly summary?: string; message: string }) {
  const summary = error.summary ?? error.message;
  if (summary.includes('maxDepth'))
    return `is nested too deeply (at most ${EXPRESSION_LIMITS.maxDepth} levels)`;
  if (summary.includes('maxAstNodes')) return `is too large (at most ${EXPRESSION_LIMITS.maxAstNodes} parts)`;
  const binary = /^no such overload: (.+) (\S+) (.+)$/.exec(summary);
  if (binary !== null) return notDefined(binary[2]!, [binary[1]!, binary[3]!]);
  const unary = /^no such overload: ([!-])(.+)$/.exec(summary);
  if (unary !== null) return notDefined(unary[1]!, [unary[2]!]);
  const call = /^found no matching overload for '(?:.+\.)?(\w+)\((.*)\)'$/.exec(summary);
  if (call !== null)
    return notDefined(SIGNS[call[1]!] ?? `${call[1]!.replace(/^_/, '')}()`, call[2]!.split(', '));
  const logical = /^Logical operator requires bool operands, got '(.+)'/.exec(summary);
  if (logical !== null)
    return `'&&' and '||' take true or false on each side, but found ${typeName(logical[1]!)}`;
  return summary
    .replace(/'(double|int|bool|string|null|dyn|list<.*>|map<.*>)'/g, (_all, type: string) => typeName(type))
    .replace('EOF', 'the end');
}

/** What operators take. */
const TAKES: Readonly<Record<string, string>> = {
  '<': 'two numbers or two texts',
  '<=': 'two numbers or two texts',
  '>': 'two numbers or two texts',
  '>=': 'two numbers or two texts',
  '+': 'two numbers, two texts or two lists',
  '-': 'numbers',
  '*': 'two numbers',
  '/': 'two numbers',
  '%': 'two numbers',
  '==': 'two values of the same type',
  '!=': 'two values of the same type',
  '!': 'true or false',
  in: 'a list or an object on its right',
};

function notDefined(operator: string, types: readonly string[]): string {
  const takes = TAKES[operator];
  const found = `'${operator}' does not go with ${types.map(typeName).join(' and ')}`;
  return takes === undefined ? found : `${found}; it takes ${takes}`;
}

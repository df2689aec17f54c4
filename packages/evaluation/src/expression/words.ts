import { EXPRESSION_LIMITS } from './language.js';

/** Error codes that are caused by the reading: a name is missing, or its value has a different type than the expression needs. */
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

/** Whether an error leaves the expression undecided, rather than failed. */
export function isUndecided(code: string): boolean {
  return UNDECIDED.has(code);
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  double: 'a number',
  int: 'a number',
  bool: 'a boolean',
  string: 'a string',
  null: 'null',
  dyn: 'anything',
  map: 'an object',
};

/** The name of a type of the library in messages. */
export function typeName(type: string): string {
  return TYPE_WORDS[type] ?? (type.startsWith('list') ? 'a list' : type);
}

const SIGNS: Readonly<Record<string, string>> = { _quotient: '/', _remainder: '%' };

/** The message for an error of the library. */
export function rewordError(error: { readonly code?: string; readonly summary?: string; message: string }) {
  const summary = error.summary ?? error.message;
  if (summary.includes('maxDepth'))
    return `is nested too deeply (at most ${EXPRESSION_LIMITS.maxDepth} levels)`;
  if (summary.includes('maxAstNodes')) return `is too large (at most ${EXPRESSION_LIMITS.maxAstNodes} parts)`;
  const binary = /^no such overload: (.+) (\S+) (.+)$/.exec(summary);
  if (binary !== null) return unsupportedOperands(binary[2]!, [binary[1]!, binary[3]!]);
  const unary = /^no such overload: ([!-])(.+)$/.exec(summary);
  if (unary !== null) return unsupportedOperands(unary[1]!, [unary[2]!]);
  const call = /^found no matching overload for '(?:.+\.)?(\w+)\((.*)\)'$/.exec(summary);
  if (call !== null)
    return unsupportedOperands(SIGNS[call[1]!] ?? `${call[1]!.replace(/^_/, '')}()`, call[2]!.split(', '));
  const logical = /^Logical operator requires bool operands, got '(.+)'/.exec(summary);
  if (logical !== null) return `'&&' and '||' take two booleans, but one side is ${typeName(logical[1]!)}`;
  return summary
    .replace(/'(double|int|bool|string|null|dyn|list<.*>|map<.*>)'/g, (_all, type: string) => typeName(type))
    .replace('EOF', 'the end');
}

/** The operands of each operator. */
const TAKES: Readonly<Record<string, string>> = {
  '<': 'two numbers or two strings',
  '<=': 'two numbers or two strings',
  '>': 'two numbers or two strings',
  '>=': 'two numbers or two strings',
  '+': 'two numbers, two strings or two lists',
  '-': 'numbers',
  '*': 'two numbers',
  '/': 'two numbers',
  '%': 'two numbers',
  '==': 'two values of the same type',
  '!=': 'two values of the same type',
  '!': 'a boolean',
  in: 'a list or an object on the right',
};

function unsupportedOperands(operator: string, types: readonly string[]): string {
  const takes = TAKES[operator];
  const found = `'${operator}' cannot be applied to ${types.map(typeName).join(' and ')}`;
  return takes === undefined ? found : `${found}; it takes ${takes}`;
}

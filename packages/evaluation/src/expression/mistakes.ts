import { ExpressionInvalid } from './errors.js';

/** Words of other languages and their replacements. */
const WORDS: Readonly<Record<string, string>> = {
  and: "use '&&' instead of 'and'",
  or: "use '||' instead of 'or'",
  not: "use '!' instead of 'not', as in !(light < 300)",
  xor: "'xor' is not supported; use '!=' to compare booleans",
  is: "use '==' instead of 'is'",
  between: "'between' is not supported; use two comparisons: light > 100 && light < 300",
  if: "'if' is not needed: the whole expression is the condition",
  then: "'then' is not part of an expression: the action is a field of the rule",
  else: "'else' is not part of an expression: the action is a field of the rule; for alternatives use a ? b : c",
  let: "'let' is not supported: an expression cannot define variables",
};

/** Literals of other languages, which are mere names in CEL. */
const VALUES: Readonly<Record<string, string>> = {
  True: 'true',
  TRUE: 'true',
  False: 'false',
  FALSE: 'false',
  None: 'null',
  nil: 'null',
  NULL: 'null',
  undefined: 'null',
};

/** Operators of other languages and their replacements. */
const OPERATORS: Readonly<Record<string, string>> = {
  '===': "expected '=='",
  '!==': "expected '!='",
  '<<': "expected '<' or '<='",
  '>>': "expected '>' or '>='",
  '<>': "expected '!='",
  '=<': "expected '<='",
  '=>': "expected '>='",
  '=!': "expected '!='",
  ':=': "expected '=='",
  '**': "expected '*'; there is no power operator",
  '??': "expected '? … :', as in has(light) ? light : 0",
  '?.': "expected '.'; use has(room.light) to test whether it exists",
  '=': "expected '==' to compare",
  '&': "expected '&&'",
  '|': "expected '||'",
  '^': "expected '*'; there is no power operator",
  '~': "expected '!'",
  '≥': "expected '>='",
  '≤': "expected '<='",
  '≠': "expected '!='",
  ';': 'expected the end of the expression',
};

const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|//[^\n]*)`,
    String.raw`(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`,
    String.raw`(?<number>\d[\w.]*)`,
    String.raw`(?<word>[A-Za-z_]\w*)`,
    String.raw`(?<sign>===|!==|<<|>>|<>|=<|=>|=!|:=|\*\*|\?\?|\?\.|&&|\|\||==|!=|<=|>=|[-+*/%<>!?:=&|^~≥≤≠;.,()[\]{}])`,
    '(?<other>[^])',
  ].join('|'),
  'gu',
);

type Kind = 'string' | 'number' | 'word' | 'sign' | 'other';
interface Token {
  readonly kind: Kind;
  readonly text: string;
  readonly at: number;
}

const CLOSES: Readonly<Record<string, string>> = { ')': '(', ']': '[' };

/**
 * Explains why an expression does not parse, for authors who know other languages: the first mistake from the left, with its place, what
 * was found and what was expected. Undefined if the cause is not recognized.
 */
export function mistakeIn(text: string): ExpressionInvalid | undefined {
  const open: Token[] = [];
  const choices: Token[] = [];
  let before: Token | undefined;
  /** Whether a value comes next, rather than an operator. */
  let expectsValue = true;
  const wrong = (why: string, { at }: Token) => new ExpressionInvalid(why, at);
  const missing = (found: string, at: Token) =>
    before === undefined
      ? wrong(`expected a value, found ${found}`, at)
      : wrong(`expected a value after '${before.text}', found ${found}`, at);

  for (const token of tokensOf(text)) {
    const { kind, text: sign } = token;
    if (kind === 'other') return wrong(unknownCharacter(sign), token);
    if (kind === 'word' && sign !== 'in') {
      if (Object.hasOwn(WORDS, sign.toLowerCase()) && before?.text !== '.')
        return wrong(WORDS[sign.toLowerCase()]!, token);
      if (!expectsValue) return wrong(`expected an operator such as '&&' or '<', found '${sign}'`, token);
      expectsValue = false;
    } else if (kind === 'number') {
      const number = numberMistake(token, before, expectsValue);
      if (number !== undefined) return number;
      if (!expectsValue) return wrong(`expected an operator such as '&&' or '<', found ${sign}`, token);
      expectsValue = false;
    } else if (kind === 'string') {
      if (!expectsValue) return wrong(`expected an operator such as '==', found the string ${sign}`, token);
      expectsValue = false;
    } else if (sign === '(' || sign === '[') {
      if (sign === '(' && !expectsValue && before?.kind !== 'word')
        return wrong("expected an operator such as '&&', found '('", token);
      open.push(token);
      expectsValue = true;
    } else if (sign === ')' || sign === ']') {
      const opened = open.pop();
      if (opened === undefined) return wrong(`unmatched '${sign}'`, token);
      if (opened.text !== CLOSES[sign])
        return wrong(
          `expected '${opened.text === '(' ? ')' : ']'}' for the '${opened.text}' at character ${opened.at + 1}, found '${sign}'`,
          token,
        );
      if (expectsValue && before !== opened) return missing(`'${sign}'`, token);
      expectsValue = false;
    } else if (sign === '{' || sign === '}') {
      return wrong('object literals are not supported', token);
    } else if (Object.hasOwn(OPERATORS, sign)) {
      return wrong(`unknown operator '${sign}': ${OPERATORS[sign]}`, token);
    } else if (sign === '!' || (sign === '-' && expectsValue)) {
      if (!expectsValue) return wrong("expected an operator such as '!=', found '!'", token);
    } else {
      if (sign === '.' && expectsValue)
        return wrong('numbers start with a digit: use 0.5 instead of .5', token);
      if (expectsValue) return missing(`'${sign}'`, token);
      if (sign === ',' && open.length === 0)
        return wrong("expected an operator or the end, found ','", token);
      if (sign === '?') choices.push(token);
      if (sign === ':' && choices.pop() === undefined) return wrong("':' without a '?' before it", token);
      expectsValue = true;
    }
    before = token;
  }
  const end: Token = { kind: 'sign', text: '', at: text.length };
  if (expectsValue) return missing('the end', end);
  const opened = open.at(-1);
  if (opened !== undefined) return wrong(`'${opened.text}' is not closed`, opened);
  const choice = choices.at(-1);
  return choice && wrong("'?' without a ':' after it, as in a ? b : c", choice);
}

/** Explains a name that is a value or an operator in other languages; undefined for any other name. */
export function misnamed(name: string): string | undefined {
  if (Object.hasOwn(VALUES, name)) return `'${name}' would be the name of a measurement; use ${VALUES[name]}`;
  return /^(AND|OR|NOT|not)$/.test(name) ? WORDS[name.toLowerCase()] : undefined;
}

function* tokensOf(text: string): Generator<Token> {
  for (const { groups = {}, index: at } of text.matchAll(TOKEN)) {
    if (groups.space !== undefined) continue;
    const [kind, found] = Object.entries(groups).find(([, one]) => one !== undefined) as [Kind, string];
    yield { kind, text: found, at };
  }
}

function numberMistake(
  { text, at }: Token,
  before: Token | undefined,
  expectsValue: boolean,
): ExpressionInvalid | undefined {
  if (before?.text === ',' && /^\d{3}$/.test(text) && !expectsValue)
    return new ExpressionInvalid('numbers have no thousands separators: use 1000', at);
  if (/^(\d+(\.\d+)?([eE]\d+)?|0[xX][0-9a-fA-F]+)$/.test(text)) return undefined;
  if (/_/.test(text)) return new ExpressionInvalid(`'${text}' is not a number: omit '_'`, at);
  if (/[.]$/.test(text))
    return new ExpressionInvalid(`'${text}' is not a number: use ${text}0, or omit the point`, at);
  return /^\d+(\.\d+)?[eE]$/.test(text)
    ? new ExpressionInvalid(`'${text}' is not a number: the exponent needs digits, as in 1e3`, at)
    : new ExpressionInvalid(`'${text}' is not a number: omit the unit`, at);
}

function unknownCharacter(sign: string): string {
  if (sign === '"' || sign === "'") return `unterminated string: expected a closing ${sign}`;
  if ('“”„‘’«»'.includes(sign)) return `unknown character '${sign}': expected a straight quote, " or '`;
  return `unknown character '${sign}': expected a name, a number, a string in quotes or an operator`;
}

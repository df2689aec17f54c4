import { ExpressionInvalid } from './errors.js';

/** Words of other languages, and how they are written here. */
const WORDS: Readonly<Record<string, string>> = {
  and: "'and' is written '&&' here",
  or: "'or' is written '||' here",
  not: "'not' is written '!' here, as in !(light < 300)",
  xor: "'xor' is not available; for true or false write '!='",
  is: "'is' is written '==' here",
  between: "'between' is written as two comparisons: light > 100 && light < 300",
  if: "'if' is not needed: the whole expression is the condition",
  then: "'then' does not belong to an expression: the action is a field of the rule",
  else: "'else' does not belong to an expression: the action is a field of the rule; for a choice write a ? b : c",
  let: "'let' is not available: expressions have no variables of their own",
};

/** Names that stand for a value in other languages. */
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

/** Operators of other languages, and what is expected in their place. */
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
  '**': "expected '*'; powers are written as a product",
  '??': "expected '? … :', as in has(light) ? light : 0",
  '?.': "expected '.'; has(room.light) asks whether it is there",
  '=': "expected '==' to compare",
  '&': "expected '&&'",
  '|': "expected '||'",
  '^': "expected '*'; powers are written as a product",
  '~': "expected '!'",
  '≥': "expected '>='",
  '≤': "expected '<='",
  '≠': "expected '!='",
  ';': 'expected one expression and nothing after it',
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
 * What is probably meant by a text that does not parse, in the words of someone who knows other languages; undefined if it is not known.
 * It reads from left to right, and tells the first mistake with its place, what was found and what was expected.
 */
export function mistakeIn(text: string): ExpressionInvalid | undefined {
  const open: Token[] = [];
  const choices: Token[] = [];
  let before: Token | undefined;
  /** Whether a value comes next, and not an operator. */
  let wantsValue = true;
  const wrong = (why: string, { at }: Token) => new ExpressionInvalid(why, at);
  const missing = (found: string, at: Token) =>
    before === undefined
      ? wrong(`expected a value, found ${found}`, at)
      : wrong(`expected a value after '${before.text}', found ${found}`, at);

  for (const token of tokensOf(text)) {
    const { kind, text: sign } = token;
    if (kind === 'other') return wrong(strange(sign), token);
    if (kind === 'word' && sign !== 'in') {
      if (Object.hasOwn(WORDS, sign.toLowerCase()) && before?.text !== '.')
        return wrong(WORDS[sign.toLowerCase()]!, token);
      if (!wantsValue) return wrong(`expected an operator such as '&&' or '<', found '${sign}'`, token);
      wantsValue = false;
    } else if (kind === 'number') {
      const number = numberMistake(token, before, wantsValue);
      if (number !== undefined) return number;
      if (!wantsValue) return wrong(`expected an operator such as '&&' or '<', found ${sign}`, token);
      wantsValue = false;
    } else if (kind === 'string') {
      if (!wantsValue) return wrong(`expected an operator such as '==', found the text ${sign}`, token);
      wantsValue = false;
    } else if (sign === '(' || sign === '[') {
      if (sign === '(' && !wantsValue && before?.kind !== 'word')
        return wrong("expected an operator such as '&&', found '('", token);
      open.push(token);
      wantsValue = true;
    } else if (sign === ')' || sign === ']') {
      const opened = open.pop();
      if (opened === undefined) return wrong(`'${sign}' closes nothing`, token);
      if (opened.text !== CLOSES[sign])
        return wrong(
          `expected '${opened.text === '(' ? ')' : ']'}' for the '${opened.text}' at character ${opened.at + 1}, found '${sign}'`,
          token,
        );
      if (wantsValue && before !== opened) return missing(`'${sign}'`, token);
      wantsValue = false;
    } else if (sign === '{' || sign === '}') {
      return wrong('objects cannot be written in an expression', token);
    } else if (Object.hasOwn(OPERATORS, sign)) {
      return wrong(`unknown operator '${sign}': ${OPERATORS[sign]}`, token);
    } else if (sign === '!' || (sign === '-' && wantsValue)) {
      if (!wantsValue) return wrong("expected an operator such as '!=', found '!'", token);
    } else {
      if (sign === '.' && wantsValue)
        return wrong('numbers begin with a digit: write 0.5 instead of .5', token);
      if (wantsValue) return missing(`'${sign}'`, token);
      if (sign === ',' && open.length === 0)
        return wrong("expected an operator or the end, found ','", token);
      if (sign === '?') choices.push(token);
      if (sign === ':' && choices.pop() === undefined) return wrong("':' has no '?' before it", token);
      wantsValue = true;
    }
    before = token;
  }
  const end: Token = { kind: 'sign', text: '', at: text.length };
  if (wantsValue) return missing('the end', end);
  const opened = open.at(-1);
  if (opened !== undefined) return wrong(`'${opened.text}' is not closed`, opened);
  const choice = choices.at(-1);
  return choice && wrong("'?' needs a ':' with the other value, as in a ? b : c", choice);
}

/** What a name was meant to be that stands for a value, or an operator, in other languages; undefined if it is a name. */
export function misnamed(name: string): string | undefined {
  if (Object.hasOwn(VALUES, name))
    return `'${name}' is the name of a measurement here; write ${VALUES[name]}`;
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
  wantsValue: boolean,
): ExpressionInvalid | undefined {
  if (before?.text === ',' && /^\d{3}$/.test(text) && !wantsValue)
    return new ExpressionInvalid('numbers are written without separators: 1000', at);
  if (/^(\d+(\.\d+)?([eE]\d+)?|0[xX][0-9a-fA-F]+)$/.test(text)) return undefined;
  if (/_/.test(text)) return new ExpressionInvalid(`'${text}' is no number: write it without '_'`, at);
  if (/[.]$/.test(text))
    return new ExpressionInvalid(`'${text}' is no number: write ${text}0, or leave out the point`, at);
  return /^\d+(\.\d+)?[eE]$/.test(text)
    ? new ExpressionInvalid(`'${text}' is no number: an exponent has digits, as in 1e3`, at)
    : new ExpressionInvalid(`'${text}' is no number: units are not part of an expression`, at);
}

function strange(sign: string): string {
  if (sign === '"' || sign === "'") return `the text that begins with ${sign} is not closed`;
  if ('“”„‘’«»'.includes(sign)) return `unknown character '${sign}': expected a straight quote, " or '`;
  return `unknown character '${sign}': expected a name, a number, a text in quotes or an operator`;
}

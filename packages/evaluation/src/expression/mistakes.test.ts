import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import fc from 'fast-check';
import { compileExpression, ExpressionInvalid } from './expression.js';
import { mistakeIn } from './mistakes.js';

function problemOf(text: string, schema?: TelemetrySchema): string {
  try {
    compileExpression(text, { returns: 'bool', variables: ['last', 'window', 'device'], schema });
    return 'valid';
  } catch (error) {
    if (!(error instanceof ExpressionInvalid)) throw error;
    return error.message;
  }
}

describe('mistakeIn', () => {
  it.each<[text: string, problem: string]>([
    ['light << 300', "unknown operator '<<': expected '<' or '<=' (at character 7)"],
    ['light = 300', "unknown operator '=': expected '==' to compare (at character 7)"],
    ['light === 300', "unknown operator '===': expected '==' (at character 7)"],
    ['light !== 300', "unknown operator '!==': expected '!=' (at character 7)"],
    ['light <> 300', "unknown operator '<>': expected '!=' (at character 7)"],
    ['light =< 300', "unknown operator '=<': expected '<=' (at character 7)"],
    ['light => 300', "unknown operator '=>': expected '>=' (at character 7)"],
    ['light ≥ 300', "unknown operator '≥': expected '>=' (at character 7)"],
    ['light > 300 & heat < 3', "unknown operator '&': expected '&&' (at character 13)"],
    ['light > 300 &', "unknown operator '&': expected '&&' (at character 13)"],
    ['light > 300 | heat < 3', "unknown operator '|': expected '||' (at character 13)"],
    ['light > 300 and heat < 3', "use '&&' instead of 'and' (at character 13)"],
    ['light > 300 AND heat < 3', "use '&&' instead of 'and' (at character 13)"],
    ['light > 300 or heat < 3', "use '||' instead of 'or' (at character 13)"],
    ['not light > 300', "use '!' instead of 'not', as in !(light < 300) (at character 1)"],
    ['not(light)', "use '!' instead of 'not', as in !(light < 300) (at character 1)"],
    ['light is 300', "use '==' instead of 'is' (at character 7)"],
    ['if light > 300', "'if' is not needed: the whole expression is the condition (at character 1)"],
    ['light > 300;', "unknown operator ';': expected the end of the expression (at character 12)"],
    ['light > 300 &&', "expected a value after '&&', found the end (at character 15)"],
    ['> 300', "expected a value, found '>' (at character 1)"],
    ['light > > 300', "expected a value after '>', found '>' (at character 9)"],
    ['light 300', "expected an operator such as '&&' or '<', found 300 (at character 7)"],
    ['light heat', "expected an operator such as '&&' or '<', found 'heat' (at character 7)"],
    ['(light > 300', "'(' is not closed (at character 1)"],
    ['light > 300)', "unmatched ')' (at character 12)"],
    ['light in [1, 2', "'[' is not closed (at character 10)"],
    ['(light in [1, 2)', "expected ']' for the '[' at character 11, found ')' (at character 16)"],
    ['mode == "on', 'unterminated string: expected a closing " (at character 9)'],
    ['mode == “on”', `unknown character '“': expected a straight quote, " or ' (at character 9)`],
    ['light > 300 ? true', "'?' without a ':' after it, as in a ? b : c (at character 13)"],
    ['light > .5', 'numbers start with a digit: use 0.5 instead of .5 (at character 9)'],
    ['light > 300lx', "'300lx' is not a number: omit the unit (at character 9)"],
    ['light < "300"', `'<' cannot compare the string "300": use 300 without quotes (at character 9)`],
    ['"12" < light', `'<' cannot compare the string "12": use 12 without quotes (at character 1)`],
    ['!300', "'!' cannot be applied to a number; it takes a boolean (at character 1)"],
    ['light && 3', "'&&' and '||' take two booleans, but one side is a number (at character 1)"],
    ['light + "a"', 'must be a boolean, but is a string; add a comparison, as in light < 300'],
    ['light == True', "'True' would be the name of a measurement; use true (at character 10)"],
  ])('explains %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it.each<[text: string, problem: string]>([
    ['!light', "'!' cannot be applied to a number; it takes a boolean (at character 1)"],
    [
      'light + "a" == "x"',
      "'+' cannot be applied to a number and a string; it takes two numbers, two strings or two lists (at character 1)",
    ],
    [
      'mode < 300',
      "'<' cannot be applied to a string and a number; it takes two numbers or two strings (at character 1)",
    ],
  ])('explains %s by the declared types', (text, problem) => {
    expect(problemOf(text, { measurements: { light: { type: 'number' }, mode: { type: 'string' } } })).toBe(
      problem,
    );
  });

  it.each(["mode == 'auto'", 'mode < "b"', 'is_on.and', 'light > 1e3', '-(-light) < --3', '!(a || !b)'])(
    'accepts %s',
    (text) => expect([problemOf(text), mistakeIn(text)]).toEqual(['valid', undefined]),
  );
});

it('reports a place within the text, whatever the text', () => {
  const parts = fc.constantFrom(
    ...[
      'light',
      '300',
      '"a"',
      "'a'",
      'in',
      '(',
      ')',
      '[',
      ']',
      ',',
      '<',
      '==',
      '&&',
      '!',
      '-',
      '.',
      '?',
      ':',
      '=',
      '“',
      ' ',
    ],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(parts).map((tokens) => tokens.join('')),
        fc.string(),
      ),
      (text) => {
        const mistake = mistakeIn(text);
        if (mistake !== undefined) {
          expect(mistake.at).toBeGreaterThanOrEqual(0);
          expect(mistake.at).toBeLessThanOrEqual(text.length);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

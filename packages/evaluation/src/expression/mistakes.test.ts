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

describe('a typing mistake is told with its place, what was found and what was expected:', () => {
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
    ['light > 300 and heat < 3', "'and' is written '&&' here (at character 13)"],
    ['light > 300 AND heat < 3', "'and' is written '&&' here (at character 13)"],
    ['light > 300 or heat < 3', "'or' is written '||' here (at character 13)"],
    ['not light > 300', "'not' is written '!' here, as in !(light < 300) (at character 1)"],
    ['not(light)', "'not' is written '!' here, as in !(light < 300) (at character 1)"],
    ['light is 300', "'is' is written '==' here (at character 7)"],
    ['if light > 300', "'if' is not needed: the whole expression is the condition (at character 1)"],
    ['light > 300;', "unknown operator ';': expected one expression and nothing after it (at character 12)"],
    ['light > 300 &&', "expected a value after '&&', found the end (at character 15)"],
    ['> 300', "expected a value, found '>' (at character 1)"],
    ['light > > 300', "expected a value after '>', found '>' (at character 9)"],
    ['light 300', "expected an operator such as '&&' or '<', found 300 (at character 7)"],
    ['light heat', "expected an operator such as '&&' or '<', found 'heat' (at character 7)"],
    ['(light > 300', "'(' is not closed (at character 1)"],
    ['light > 300)', "')' closes nothing (at character 12)"],
    ['light in [1, 2', "'[' is not closed (at character 10)"],
    ['(light in [1, 2)', "expected ']' for the '[' at character 11, found ')' (at character 16)"],
    ['mode == "on', 'the text that begins with " is not closed (at character 9)'],
    ['mode == “on”', `unknown character '“': expected a straight quote, " or ' (at character 9)`],
    ['light > 300 ? true', "'?' needs a ':' with the other value, as in a ? b : c (at character 13)"],
    ['light > .5', 'numbers begin with a digit: write 0.5 instead of .5 (at character 9)'],
    ['light > 300lx', "'300lx' is no number: units are not part of an expression (at character 9)"],
    [
      'light < "300"',
      `'<' does not go with the text "300": expected a number, 300 without quotes (at character 9)`,
    ],
    [
      '"12" < light',
      `'<' does not go with the text "12": expected a number, 12 without quotes (at character 1)`,
    ],
    ['!300', "'!' does not go with a number; it takes true or false (at character 1)"],
    ['light && 3', "'&&' and '||' take true or false on each side, but found a number (at character 1)"],
    ['light + "a"', 'must be true or false, but is a text; compare it with something, as in light < 300'],
    ['light == True', "'True' is the name of a measurement here; write true (at character 10)"],
  ])('%s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it.each<[text: string, problem: string]>([
    ['!light', "'!' does not go with a number; it takes true or false (at character 1)"],
    [
      'light + "a" == "x"',
      "'+' does not go with a number and a text; it takes two numbers, two texts or two lists (at character 1)",
    ],
    [
      'mode < 300',
      "'<' does not go with a text and a number; it takes two numbers or two texts (at character 1)",
    ],
  ])('%s, by the declared types', (text, problem) => {
    expect(problemOf(text, { measurements: { light: { type: 'number' }, mode: { type: 'string' } } })).toBe(
      problem,
    );
  });

  it.each(["mode == 'auto'", 'mode < "b"', 'is_on.and', 'light > 1e3', '-(-light) < --3', '!(a || !b)'])(
    'and %s is none',
    (text) => expect([problemOf(text), mistakeIn(text)]).toEqual(['valid', undefined]),
  );
});

it('whatever the text, a mistake lies within it', () => {
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
        fc.array(parts).map((some) => some.join('')),
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

import { isCelError, run } from '@bufbuild/cel';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import fc from 'fast-check';
import { compileExpression, ExpressionFailed } from './expression.js';

// @bufbuild/cel passes the conformance tests of CEL. For expressions that both support, the results must be equal. There is one intended
// difference: here every number is a double. For the reference, `300` is therefore written as `300.0`, and `size()` is cast to a double.
type Reading = Record<string, Measurement>;

/** An expression in the syntax of rules and of the reference. */
type Pair = readonly [ours: string, reference: string];

const FAILED = 'failed';
const UNDECIDED = 'undecided';

function ours(text: string, reading: Reading): unknown {
  try {
    return compileExpression(text, { returns: 'bool', variables: [] }).evaluate({ reading }) ?? UNDECIDED;
  } catch (error) {
    if (error instanceof ExpressionFailed) return FAILED;
    throw error;
  }
}

function reference(text: string, reading: Reading): unknown {
  const result = run(text, reading as Parameters<typeof run>[1]);
  return isCelError(result) || typeof result !== 'boolean' ? UNDECIDED : result;
}

const asDoubles = (text: string) =>
  text.replace(/(?<![\w.[])(\d+)(?![\w.\]])/g, '$1.0').replace(/size\(\w+\)/g, 'double($&)');

describe('compileExpression agrees with @bufbuild/cel', () => {
  const reading: Reading = {
    light: 250,
    zero: 0,
    mode: 'auto',
    on: true,
    none: null,
    room: { light: 12, name: 'hall' },
    list: [1, 2, 3.5],
    rooms: [{ light: 900 }, { light: 12 }],
  };

  it.each([
    'light < 300',
    'light <= 250 && light >= 250',
    'light == 250',
    'light != 250',
    'light - 5 > 244 && 300 - light == 50',
    'light * 2 / 4 == 125',
    '-light + 1 == -249',
    '1 - 2 - 3 == -4',
    '2 + 3 * 4 == 14',
    '(2 + 3) * 4 == 20',
    '-(2 + 3) * 4 == -20',
    '8 / 4 / 2 == 1',
    'on ? light > 5 : missing > 5',
    'on || missing > 5',
    'missing > 5 || on',
    'missing > 5 && !on',
    'missing > 5 && on',
    'missing > 5',
    '!on',
    '!!on',
    'on == true && on != false',
    'mode == "auto" && mode != "off"',
    'mode < "b" && "b" > mode',
    'mode + "x" == "autox"',
    'mode.startsWith("au") && mode.endsWith("to") && mode.contains("ut")',
    'size(mode) == 4',
    'size(list) == 3',
    'size(room) == 2',
    'mode in ["auto", "on"]',
    'light in [1, 250, 3]',
    '3.5 in list',
    '4 in list',
    '"light" in room',
    '"heat" in room',
    'room.light < 300',
    'room["light"] < 300',
    'room.heat < 300',
    'has(room.light) && !has(room.heat)',
    'list[0] == 1',
    'list[7] == 1',
    'rooms[1].light == 12',
    'list.exists(x, x > 3)',
    'list.all(x, x > 3)',
    'list.exists_one(x, x > 3)',
    'list.exists(x, x > 3 || x.y > 1)',
    'list.all(x, x > 1 && x.y > 1)',
    'size(list.filter(x, x > 1)) == 2',
    'list.map(x, x * 2) == [2, 4, 7]',
    'list.map(x, x > 1, x * 2) == [4, 7]',
    'list == [1, 2, 3.5]',
    'rooms.exists(r, rooms.exists(s, r.light < s.light))',
    'none == null',
    'mode == null',
    'light == "250"',
    'on < 5',
    'none < 5',
    'mode - 5 > 1',
    'room == room',
    'double("1.5") == 1.5',
    'string(on) == "true"',
  ])('%s', (text) => {
    const referenceText = asDoubles(text).replace(/size\(list\.filter\(.*?\)\)/, 'double($&)');
    expect(ours(text, reading)).toBe(reference(referenceText, reading));
  });

  const both = (text: string): Pair => [text, text];
  const join = (...parts: (Pair | string)[]): Pair => {
    const side = (i: 0 | 1) => parts.map((part) => (typeof part === 'string' ? part : part[i])).join('');
    return [side(0), side(1)];
  };
  const numbers = fc.oneof(
    fc.integer({ min: 0, max: 9 }).map((n): Pair => [String(n), `${n}.0`]),
    fc.constantFrom('0.5', '2.25', '300.0').map(both),
  );
  const { condition } = fc.letrec<{ number: Pair; condition: Pair; text: Pair }>((tie) => ({
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      numbers,
      fc.constantFrom('a', 'b', 'c').map(both),
      fc.constant<Pair>(['size(s)', 'double(size(s))']),
      // Without parentheses, the parser of the reference defines the precedence.
      fc
        .tuple(tie('number'), fc.constantFrom(' + ', ' - ', ' * ', ' / '), tie('number'))
        .map((parts) => join(...parts)),
      tie('number').map((inner) => join('(', inner, ')')),
      // The reference folds `-(-(x))` for any x.
      tie('number').map((inner) => join('-(1.0 * ', inner, ')')),
      fc
        .tuple(tie('condition'), tie('number'), tie('number'))
        .map(([c, x, y]) => join('(', c, ' ? ', x, ' : ', y, ')')),
    ),
    text: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('s', 't', '"auto"', '""', '"é"', '"a\\"b"').map(both),
      fc.tuple(tie('text'), tie('text')).map(([x, y]) => join(x, ' + ', y)),
    ),
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('on', 'true', 'false', 'l.exists(x, x == a)', 'l.all(x, x < b)', 'a in l').map(both),
      fc
        .tuple(tie('number'), fc.constantFrom(' < ', ' <= ', ' > ', ' >= ', ' == ', ' != '), tie('number'))
        .map((parts) => join(...parts)),
      fc
        .tuple(tie('text'), fc.constantFrom(' == ', ' != ', ' < ', ' > '), tie('text'))
        .map((parts) => join(...parts)),
      fc
        .tuple(fc.constantFrom('s', 't'), fc.constantFrom('contains', 'startsWith', 'endsWith'), tie('text'))
        .map(([of, method, arg]) => join(`${of}.${method}(`, arg, ')')),
      fc
        .tuple(tie('condition'), fc.constantFrom(' && ', ' || '), tie('condition'))
        .map((parts) => join(...parts)),
      tie('condition').map((inner) => join('!(', inner, ')')),
      tie('condition').map((inner) => join('(', inner, ')')),
      fc
        .tuple(tie('condition'), tie('condition'), tie('condition'))
        .map(([c, x, y]) => join('(', c, ' ? ', x, ' : ', y, ')')),
    ),
  }));
  const scalar = fc.oneof(
    fc.integer({ min: -9, max: 300 }),
    fc.constantFrom(0.5, 2.25),
    fc.string({ maxLength: 3 }),
    fc.boolean(),
    fc.constant(null),
  );
  const mostly = (usual: fc.Arbitrary<Measurement>) =>
    fc.oneof({ arbitrary: usual, weight: 6 }, { arbitrary: scalar, weight: 1 });
  const readings = fc.record(
    {
      a: mostly(fc.integer({ min: -9, max: 300 })),
      b: mostly(fc.constantFrom(0, 0.5, 2.25, 7)),
      c: scalar,
      s: mostly(fc.constantFrom('', 'auto', 'a', 'é')),
      t: mostly(fc.string({ maxLength: 3 })),
      on: mostly(fc.boolean()),
      l: mostly(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 })),
    },
    { requiredKeys: ['a', 's', 'on'] },
  );

  it('on any combination of numbers, strings and conditions, on any reading', () => {
    let agreed = 0;
    fc.assert(
      fc.property(condition, readings, ([text, referenceText], reading) => {
        const result = ours(text, reading as Reading);
        // Division by zero is an error here and infinity in the reference. If a value is missing as well, CEL leaves open which of the two
        // errors `&&` and `||` report.
        if (result === FAILED || (result === UNDECIDED && text.includes(' / '))) return;
        agreed += 1;
        expect(result).toBe(reference(referenceText, reading as Reading));
      }),
      { numRuns: 2000 },
    );
    expect(agreed).toBeGreaterThan(1500);
  });
});

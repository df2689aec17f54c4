import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import type { WindowView } from '../window/functions.js';
import { compileExpression, ExpressionFailed, ExpressionInvalid, type ScopeVariable } from './expression.js';

const ALL: ScopeVariable[] = ['last', 'window', 'device'];
const condition = (text: string, schema?: TelemetrySchema) =>
  compileExpression(text, { returns: 'bool', variables: ALL, schema });
const number = (text: string) => compileExpression(text, { returns: 'number', variables: ALL });
type Reading = Parameters<ReturnType<typeof condition>['evaluate']>[0]['reading'];
const verdict = (text: string, reading: Reading) => condition(text).evaluate({ reading });
const numberOf = (text: string, reading: Reading) => number(text).evaluate({ reading });

/** The problem with an expression; undefined if it is valid. */
function problemOf(text: string, options: Partial<Parameters<typeof compileExpression>[1]> = {}) {
  try {
    compileExpression(text, { returns: 'bool', variables: ALL, ...options } as {
      returns: 'bool';
      variables: [];
    });
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionInvalid) return error.message;
    throw error;
  }
}

describe('compileExpression: numbers', () => {
  it.each<[text: string, light: number, verdict: boolean]>([
    ['light < 300', 299, true],
    ['light < 300', 300, false],
    ['light < 300.0', 299.999, true],
    ['300 > light', 299, true],
    ['light == 300', 300, true],
    ['light == 300.0', 300, true],
    ['light != 300', 300.5, true],
    ['light in [1, 2.5, 300]', 300, true],
    ['light in [1, 2.5, 300]', 2.5, true],
    ['-light < -299', 300, true],
    ['light - 5 > 294', 300, true],
    ['300 - light == 0', 300, true],
    ['light * 2 == 600', 300, true],
    ['2 * light + 0.5 == 600.5', 300, true],
    ['light / 2 == 150.5', 301, true],
    ['light % 7 == 6', 300, true],
    ['5 / 2 == 2.5', 0, true],
    ['(light > 5 ? light : 0) == 300', 300, true],
    ['(light > 5 ? 1 : 0.5) == 1', 300, true],
    ['light > 1e2 && light < 3.5e+2', 300, true],
    ['light == 0x12C', 300, true],
    ['10 - (3 - 2) == 9', 0, true],
    ['10 - 3 - 2 == 5', 0, true],
    ['2 * (3 + 4) == 14', 0, true],
    ['100 / (10 / 5) == 50', 0, true],
    ['100 / 10 / 5 == 2', 0, true],
    ['-(2 + 3) == -5', 0, true],
    ['!(light > 5) == false', 300, true],
    ['math.abs(light - 400) == 100', 300, true],
    ['math.greatest(light, 400) == 400 && math.least(light, 400) == 300', 300, true],
    ['math.round(2.5) == 3 && math.floor(2.7) == 2 && math.ceil(2.1) == 3', 0, true],
    ['math.sqrt(light) == 20', 400, true],
    ['int(light / 7) == 42', 300, true],
  ])('%s', (text, light, expected) => {
    expect(verdict(text, { light })).toBe(expected);
  });

  it('returns a number if requested', () => {
    expect(numberOf('math.greatest(0, 300 - light) / 10', { light: 250 })).toBe(5);
    expect(numberOf('light', { light: 250 })).toBe(250);
    expect(numberOf('light', { light: 'much' })).toBeUndefined();
  });
});

describe('compileExpression: strings, lists and objects', () => {
  it.each<[text: string, reading: Reading]>([
    ['mode == "auto"', { mode: 'auto' }],
    ['mode != "auto"', { mode: 'off' }],
    ['mode.startsWith("au") && mode.endsWith("to") && mode.contains("ut")', { mode: 'auto' }],
    ['mode in ["auto", "on"]', { mode: 'on' }],
    ['size(mode) == 4 && mode.size() == 4', { mode: 'auto' }],
    ['mode + "!" == "auto!"', { mode: 'auto' }],
    ['string(light) == "300" && double("1.5") == 1.5', { light: 300 }],
    ['room.light < 300', { room: { light: 12 } }],
    ['room["light"] < 300', { room: { light: 12 } }],
    ['rooms[1].light < 300', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['"light" in room', { room: { light: 12 } }],
    ['has(room.light) && !has(room.heat)', { room: { light: 12 } }],
    ['has(light) && !has(heat) && has(reading.light)', { light: 0 }],
    ['has(light)', { light: null }],
    ['light == null', { light: null }],
    ['rooms.exists(r, r.light < 300)', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['!rooms.all(r, r.light < 300)', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['rooms.exists_one(r, r.light < 300)', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['rooms.filter(r, r.light < 300).size() == 1', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['size(rooms.map(r, r.light + 1)) == 2', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['rooms.map(r, r.light < 300, r.light)[0] == 12', { rooms: [{ light: 900 }, { light: 12 }] }],
    ['a.exists(x, b.exists(y, x == y))', { a: [1, 2], b: [2, 3] }],
    ['led_on', { led_on: true }],
    ['!led_on', { led_on: false }],
    ['string == "x" && type > 1', { string: 'x', type: 2 }],
    ['reading["odd name"] > 1 && reading["a-b"] > 1', { 'odd name': 2, 'a-b': 2 }],
    ['reading.light < 300', { light: 1 }],
  ])('%s', (text, reading) => {
    expect(verdict(text, reading)).toBe(true);
  });
});

describe('compileExpression: undecided', () => {
  it.each<[text: string, reading: Reading]>([
    ['light < 300', {}],
    ['light < 300', { temperature: 21 }],
    ['light < 300', { light: '299' }],
    ['light < 300', { light: true }],
    ['light < 300', { light: null }],
    ['light < 300', { light: [1] }],
    ['light < 300', { light: { lux: 299 } }],
    ['light - 5 < 300', { light: 'x' }],
    ['-light < 300', { light: 'x' }],
    ['light / heat > 1', { light: 1 }],
    ['light / heat > 1', { light: 1, heat: 'x' }],
    ['light + heat > 1', { light: 1, heat: 'x' }],
    ['room.light < 300', { room: {} }],
    ['room.light < 300', { room: null }],
    ['room.light < 300', { room: 5 }],
    ['room.light < 300', { room: 'x' }],
    ['rooms[3] < 300', { rooms: [1] }],
    ['rooms[0.5] < 300', { rooms: [1] }],
    ['rooms.exists(r, r > 3)', { rooms: 5 }],
    ['led_on', { led_on: 1 }],
    ['!led_on', { led_on: 0 }],
    ['led_on ? true : false', { led_on: 'yes' }],
    ['light < 300 || heat > 30', { light: 400 }],
    ['light < 300 && heat > 30', { heat: 31 }],
    ['toString == "x"', {}],
    ['reading["constructor"] == "x"', {}],
    ['reading.hasOwnProperty < 5', {}],
    ['size(light) > 1', { light: 5 }],
    ['math.abs(light) > 1', { light: 'x' }],
    ['light < 300 && last.light > 300', { light: 1 }],
    ['window.avg("light", "10m") < 300', { light: 1 }],
    ['device.name == "lamp-1"', { light: 1 }],
  ])('%s of %j', (text, reading) => {
    expect(verdict(text, reading)).toBeUndefined();
  });

  it('is decided if one side of ||, && or ?: is enough', () => {
    expect(verdict('light < 300 || heat > 30', { heat: 31 })).toBe(true);
    expect(verdict('light < 300 && heat > 30', { light: 400 })).toBe(false);
    expect(verdict('heat > 30 && light < 300', { light: 400 })).toBe(false);
    expect(verdict('has(heat) ? heat > 30 : light < 300', { light: 1 })).toBe(true);
  });

  it('values of different types are not equal', () => {
    expect(verdict('light == "300"', { light: 300 })).toBe(false);
    expect(verdict('light != null', { light: 300 })).toBe(true);
  });
});

describe('compileExpression: failures', () => {
  it.each<[text: string, reading: Reading, message: RegExp]>([
    ['light / heat > 1', { light: 1, heat: 0 }, /division by zero/],
    ['light / 0 > 1', { light: 1 }, /division by zero/],
    ['light % heat > 1', { light: 1, heat: 0 }, /division by zero/],
    ['double(mode) > 1', { mode: 'auto' }, /double/],
  ])('%s of %j', (text, reading, message) => {
    expect(() => verdict(text, reading)).toThrow(ExpressionFailed);
    expect(() => verdict(text, reading)).toThrow(message);
  });

  it.each([
    ['light * 1e300', { light: 1e300 }],
    ['light - light', { light: Number.POSITIVE_INFINITY }],
    ['math.sqrt(light)', { light: -1 }],
  ])('fails if the result is not finite: %s', (text, reading) => {
    expect(() => numberOf(text, reading)).toThrow(/the result is/);
  });

  it('does not fail if the other side of || or && decides', () => {
    expect(verdict('light / 0 > 1 || light == 1', { light: 1 })).toBe(true);
    expect(verdict('heat != 0 && light / heat > 1', { light: 1, heat: 0 })).toBe(false);
  });
});

describe('compileExpression: variables', () => {
  const window: WindowView = {
    compute: ({ measurement, ms }) => (measurement === 'light' ? ms / 1000 : undefined),
  };

  it('reads the previous reading, the device and windows', () => {
    const scope = {
      reading: { light: 300 },
      last: { light: 250, 'odd-name': 3 },
      device: { fleet: 'demo', device: 'lamp-1' },
      window,
    };
    for (const text of [
      'light > last.light + 49',
      'last["odd-name"] == 3',
      'has(last.light) && !has(last.heat)',
      'device.name == "lamp-1" && device.fleet.startsWith("de")',
      'window.avg("light", "10m") == 600',
      'window.avg("light", "90s") < light && light > 0',
    ])
      expect(condition(text).evaluate(scope)).toBe(true);
    expect(condition('window.avg("heat", "10m") > 1').evaluate(scope)).toBeUndefined();
  });

  it('reads the value of a quorum; without a quorum, `value` is a measurement', () => {
    const quorum = compileExpression('value < 300', { returns: 'bool', variables: ['value'] });
    expect(quorum.evaluate({ reading: { value: 900 }, value: 299 })).toBe(true);
    expect(quorum.evaluate({ reading: { value: 1 } })).toBeUndefined();
    expect(quorum.names).toEqual([]);
    expect(verdict('value < 300', { value: 299 })).toBe(true);
  });

  it('lists the names and windows that it uses', () => {
    const { names, usesLast, windows } = condition(
      'light < 300 && last.heat > 1 && reading["odd-name"] > 1 && items.exists(i, i.x > 1) ' +
        '&& window.avg("lux", "10m") > 1 && window.avg("lux", "10m") < 9 && has(door)',
    );
    expect(names).toEqual(['light', 'heat', 'odd-name', 'items', 'lux', 'door']);
    expect(usesLast).toBe(true);
    expect(windows).toEqual([{ fn: 'avg', measurement: 'lux', ms: 600_000 }]);
    expect(condition('light < 300').usesLast).toBe(false);
  });

  it('does not carry values over to the next evaluation', () => {
    const expression = condition('last.light > 5');
    expect(expression.evaluate({ reading: {}, last: { light: 6 } })).toBe(true);
    expect(expression.evaluate({ reading: {} })).toBeUndefined();
  });
});

const SCHEMA: TelemetrySchema = {
  measurements: {
    light: { type: 'number', unit: 'lx', min: 0, max: 1023 },
    led_on: { type: 'boolean' },
    mode: { type: 'string' },
    room: { type: 'object' },
  },
};

describe('compileExpression with a telemetry schema', () => {
  it.each([
    'light < 300 && led_on && mode == "auto" && room.light > 1',
    'light - 5 > 300 || 300 - light / 2 > 1',
    'last.light + 50 < light',
    '(led_on ? light : 0) > 5',
    'window.count("led_on", "10m") > 1',
    'room.items.exists(i, i > light)',
  ])('accepts %s', (text) => {
    expect(problemOf(text, { schema: SCHEMA })).toBeUndefined();
  });

  it.each([
    ['lihgt < 300', "unknown name 'lihgt', did you mean 'light'?"],
    ['last.ligth < 300', "unknown name 'ligth', did you mean 'light'?"],
    ['window.avg("lght", "10m") < 300', "unknown name 'lght', did you mean 'light'?"],
    ['pressure < 300', "unknown name 'pressure'"],
    [
      'mode < 300',
      "'<' cannot be applied to a string and a number; it takes two numbers or two strings (at character 1)",
    ],
    [
      'true && light < "300"',
      `'<' cannot compare the string "300": use 300 without quotes (at character 17)`,
    ],
    [
      'light == "300"',
      "'==' cannot be applied to a number and a string; it takes two values of the same type (at character 1)",
    ],
    ['!light', "'!' cannot be applied to a number; it takes a boolean (at character 1)"],
    ['light', 'must be a boolean, but is a number; add a comparison, as in light < 300'],
    ['mode / 2 > 1', "'/' cannot be applied to a string and a number; it takes two numbers (at character 1)"],
    [
      'window.avg("mode", "10m") > 1',
      "window.avg needs a number, but 'mode' is declared as string (at character 12)",
    ],
    ['led_on && light', /boolean/],
  ])('rejects %s', (text, message) => {
    expect(problemOf(text, { schema: SCHEMA })).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  it('is undecided on a value of a different type than declared', () => {
    expect(condition('light < 300', SCHEMA).evaluate({ reading: { light: '299' } })).toBeUndefined();
    expect(condition('light < 300', SCHEMA).evaluate({ reading: { light: 299 } })).toBe(true);
  });
});

describe('compileExpression on an invalid expression', () => {
  it.each<[text: string, message: string | RegExp]>([
    ['light <', /end.*\(at character 8\)/],
    ['', /end/],
    ['light < 300 temperature > 1', /\(at character 13\)/],
    ['"light', 'unterminated string: expected a closing " (at character 1)'],
    ['frobnicate(light)', /^unknown function 'frobnicate'; available: .*size.* \(at character 1\)$/],
    ['true && siez(light) > 1', /^unknown function 'siez', did you mean 'size'\?.*\(at character 9\)$/],
    ['mode.startWith("a")', /did you mean 'startsWith'/],
    ['mode.matches("(a+)+b")', /regular expression.*startsWith\(\)/],
    ['window.average("light", "10m") > 1', /^unknown function 'window.average'/],
    ['window.avg("light") > 1', /takes a measurement and a duration/],
    ['window.avg(light, "10m") > 1', /takes a measurement and a duration/],
    ['window.avg("light", "10m", 1) > 1', /takes a measurement and a duration/],
    ['window.avg("light", "soon") > 1', /^"soon" is not a valid window/],
    ['window.avg("light", "8d") > 1', /at most "7d"/],
    ['window.avg("light", "0s") > 1', /is not a valid window/],
    ['window > 1', /^'window' cannot be used alone/],
    ['window.light > 1', /^'window' cannot be used alone/],
    ['last == null', /^'last' cannot be used alone/],
    ['size(reading) > 1', /^'reading' cannot be used alone/],
    ['reading[mode] > 1', /^'reading' cannot be used alone/],
    ['reading.all(k, k == "x")', /^'reading' cannot be used alone/],
    ['device.nmae == "x"', /^device has no 'nmae', did you mean 'name'\?/],
    ['_seq > 1', /^'_seq' is not a measurement/],
    ['_step(1.0)', /^unknown function '_step'/],
    ['reading["_at"] > 1', /^'_at' is not a measurement/],
    ['1 + 2', 'must be a boolean, but is a number; add a comparison, as in light < 300'],
    ['"a"', 'must be a boolean, but is a string; add a comparison, as in light < 300'],
    ['[1]', 'must be a boolean, but is a list; add a comparison, as in light < 300'],
    ['{"a": 1}["a"] == 1', /object literals are not supported/],
    ['b"abc" == b"abc"', /strings in quotes/],
    ['5u > 3u', /numbers such as 300/],
    ['timestamp("2026-01-01T00:00:00Z") > light', /^unknown function 'timestamp'/],
    ['cel.bind(x, 1, x > 0)', /^unknown function 'bind'/],
    ['items.exists(window, window > 1)', /^'window' cannot be used as a loop variable/],
    ['items.exists(_x, _x > 1)', /^'_x' cannot be used as a loop variable/],
    ['a.exists(x, b.exists(y, c.exists(z, x == y && y == z)))', /nested at most 2 deep/],
    ['has(size(light))', /^has\(\) takes a name/],
    ['light < 1e999', /number/i],
    [`${'('.repeat(200)}light < 1${')'.repeat(200)}`, /nested too deeply/],
    [`${'a + '.repeat(400)}a > 1`, /too large/],
    ['light > "\ud800"', /Unicode/],
  ])('rejects %s', (text, message) => {
    expect(problemOf(text)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('rejects a variable that is not available', () => {
    for (const text of [
      'last.light > 1',
      'window.avg("light", "1m") > 1',
      'device.name == "x"',
      'has(last.light)',
    ])
      expect(problemOf(text, { variables: [] })).toMatch(/is not available here/);
    expect(problemOf('light < 300', { returns: 'number' })).toBe('must be a number, but is a boolean');
  });
});

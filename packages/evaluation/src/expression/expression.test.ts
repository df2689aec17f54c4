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

/** What is wrong with an expression; undefined if nothing is. */
function complaint(text: string, options: Partial<Parameters<typeof compileExpression>[1]> = {}) {
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

describe('numbers', () => {
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
  ])('are all of one kind: %s', (text, light, wanted) => {
    expect(verdict(text, { light })).toBe(wanted);
  });

  it('may be what an expression gives', () => {
    expect(numberOf('math.greatest(0, 300 - light) / 10', { light: 250 })).toBe(5);
    expect(numberOf('light', { light: 250 })).toBe(250);
    expect(numberOf('light', { light: 'much' })).toBeUndefined();
  });
});

describe('texts, lists and objects', () => {
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

describe('the reading does not say', () => {
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

  it('but one side of an "or" or "and" may be enough', () => {
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

describe('an expression fails', () => {
  it.each<[text: string, reading: Reading, message: RegExp]>([
    ['light / heat > 1', { light: 1, heat: 0 }, /divides by zero/],
    ['light / 0 > 1', { light: 1 }, /divides by zero/],
    ['light % heat > 1', { light: 1, heat: 0 }, /divides by zero/],
    ['double(mode) > 1', { mode: 'auto' }, /double/],
  ])('%s of %j', (text, reading, message) => {
    expect(() => verdict(text, reading)).toThrow(ExpressionFailed);
    expect(() => verdict(text, reading)).toThrow(message);
  });

  it.each([
    ['light * 1e300', { light: 1e300 }],
    ['light - light', { light: Number.POSITIVE_INFINITY }],
    ['math.sqrt(light)', { light: -1 }],
  ])('if its number is not finite: %s', (text, reading) => {
    expect(() => numberOf(text, reading)).toThrow(/the result is/);
  });

  it('but not where its other side decides', () => {
    expect(verdict('light / 0 > 1 || light == 1', { light: 1 })).toBe(true);
    expect(verdict('heat != 0 && light / heat > 1', { light: 1, heat: 0 })).toBe(false);
  });
});

describe('what an expression may speak of', () => {
  const window: WindowView = {
    compute: ({ measurement, ms }) => (measurement === 'light' ? ms / 1000 : undefined),
  };

  it('the reading before, the device, windows', () => {
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

  it('of a quorum, its value; otherwise value is a measurement like any other', () => {
    const quorum = compileExpression('value < 300', { returns: 'bool', variables: ['value'] });
    expect(quorum.evaluate({ reading: { value: 900 }, value: 299 })).toBe(true);
    expect(quorum.evaluate({ reading: { value: 1 } })).toBeUndefined();
    expect(quorum.names).toEqual([]);
    expect(verdict('value < 300', { value: 299 })).toBe(true);
  });

  it('tells what it mentions', () => {
    const { names, usesLast, windows } = condition(
      'light < 300 && last.heat > 1 && reading["odd-name"] > 1 && items.exists(i, i.x > 1) ' +
        '&& window.avg("lux", "10m") > 1 && window.avg("lux", "10m") < 9 && has(door)',
    );
    expect(names).toEqual(['light', 'heat', 'odd-name', 'items', 'lux', 'door']);
    expect(usesLast).toBe(true);
    expect(windows).toEqual([{ fn: 'avg', measurement: 'lux', ms: 600_000 }]);
    expect(condition('light < 300').usesLast).toBe(false);
  });

  it('evaluates one after the other without a trace of the one before', () => {
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

describe('with a declared telemetry schema', () => {
  it.each([
    'light < 300 && led_on && mode == "auto" && room.light > 1',
    'light - 5 > 300 || 300 - light / 2 > 1',
    'last.light + 50 < light',
    '(led_on ? light : 0) > 5',
    'window.count("led_on", "10m") > 1',
    'room.items.exists(i, i > light)',
  ])('takes %s', (text) => {
    expect(complaint(text, { schema: SCHEMA })).toBeUndefined();
  });

  it.each([
    ['lihgt < 300', "unknown name 'lihgt', did you mean 'light'?"],
    ['last.ligth < 300', "unknown name 'ligth', did you mean 'light'?"],
    ['window.avg("lght", "10m") < 300', "unknown name 'lght', did you mean 'light'?"],
    ['pressure < 300', "unknown name 'pressure'"],
    [
      'mode < 300',
      "'<' does not go with a text and a number; it takes two numbers or two texts (at character 1)",
    ],
    [
      'true && light < "300"',
      `'<' does not go with the text "300": expected a number, 300 without quotes (at character 17)`,
    ],
    [
      'light == "300"',
      "'==' does not go with a number and a text; it takes two values of the same type (at character 1)",
    ],
    ['!light', "'!' does not go with a number; it takes true or false (at character 1)"],
    ['light', 'must be true or false, but is a number; compare it with something, as in light < 300'],
    ['mode / 2 > 1', "'/' does not go with a text and a number; it takes two numbers (at character 1)"],
    [
      'window.avg("mode", "10m") > 1',
      "window.avg needs a number, but 'mode' is declared as string (at character 12)",
    ],
    ['led_on && light', /must be|requires|true or false/],
  ])('refuses %s', (text, message) => {
    expect(complaint(text, { schema: SCHEMA })).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  it('a value of another type than declared says nothing', () => {
    expect(condition('light < 300', SCHEMA).evaluate({ reading: { light: '299' } })).toBeUndefined();
    expect(condition('light < 300', SCHEMA).evaluate({ reading: { light: 299 } })).toBe(true);
  });
});

describe('is refused, with the place:', () => {
  it.each<[text: string, message: string | RegExp]>([
    ['light <', /end.*\(at character 8\)/],
    ['', /end/],
    ['light < 300 temperature > 1', /\(at character 13\)/],
    ['"light', 'the text that begins with " is not closed (at character 1)'],
    ['frobnicate(light)', /^unknown function 'frobnicate'; there are .*size.* \(at character 1\)$/],
    ['true && siez(light) > 1', /^unknown function 'siez', did you mean 'size'\?.*\(at character 9\)$/],
    ['mode.startWith("a")', /did you mean 'startsWith'/],
    ['mode.matches("(a+)+b")', /regular expression.*startsWith\(\)/],
    ['window.average("light", "10m") > 1', /^unknown function 'window.average'/],
    ['window.avg("light") > 1', /needs a measurement and a time/],
    ['window.avg(light, "10m") > 1', /needs a measurement and a time/],
    ['window.avg("light", "10m", 1) > 1', /needs a measurement and a time/],
    ['window.avg("light", "soon") > 1', /^"soon" is no time/],
    ['window.avg("light", "8d") > 1', /at most "7d"/],
    ['window.avg("light", "0s") > 1', /is no time/],
    ['window > 1', /^'window' cannot stand alone/],
    ['window.light > 1', /^'window' cannot stand alone/],
    ['last == null', /^'last' cannot stand alone/],
    ['size(reading) > 1', /^'reading' cannot stand alone/],
    ['reading[mode] > 1', /^'reading' cannot stand alone/],
    ['reading.all(k, k == "x")', /^'reading' cannot stand alone/],
    ['device.nmae == "x"', /^device has no 'nmae', did you mean 'name'\?/],
    ['_seq > 1', /^'_seq' is no measurement/],
    ['_step(1.0)', /^unknown function '_step'/],
    ['reading["_at"] > 1', /^'_at' is no measurement/],
    ['1 + 2', 'must be true or false, but is a number; compare it with something, as in light < 300'],
    ['"a"', 'must be true or false, but is a text; compare it with something, as in light < 300'],
    ['[1]', 'must be true or false, but is a list; compare it with something, as in light < 300'],
    ['{"a": 1}["a"] == 1', /objects cannot be written/],
    ['b"abc" == b"abc"', /texts in quotes/],
    ['5u > 3u', /written as 300/],
    ['timestamp("2026-01-01T00:00:00Z") > light', /^unknown function 'timestamp'/],
    ['cel.bind(x, 1, x > 0)', /^unknown function 'bind'/],
    ['items.exists(window, window > 1)', /^'window' cannot be the name of an item/],
    ['items.exists(_x, _x > 1)', /^'_x' cannot be the name of an item/],
    ['a.exists(x, b.exists(y, c.exists(z, x == y && y == z)))', /nested 2 deep at most/],
    ['has(size(light))', /^has\(\) asks for a name/],
    ['light < 1e999', /number/i],
    [`${'('.repeat(200)}light < 1${')'.repeat(200)}`, /nested too deeply/],
    [`${'a + '.repeat(400)}a > 1`, /too large/],
    ['light > "\ud800"', /Unicode/],
  ])('%s', (text, message) => {
    expect(complaint(text)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('what is not available where it stands', () => {
    for (const text of [
      'last.light > 1',
      'window.avg("light", "1m") > 1',
      'device.name == "x"',
      'has(last.light)',
    ])
      expect(complaint(text, { variables: [] })).toMatch(/is not available here/);
    expect(complaint('light < 300', { returns: 'number' })).toBe('must be a number, but is true or false');
  });
});

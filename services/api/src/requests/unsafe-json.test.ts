import { MAX_DEPTH, unsafeJsonError } from './unsafe-json.js';

const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;

describe('unsafeJsonError', () => {
  it.each([
    ['a scalar', '7'],
    ['null', 'null'],
    ['an object', '{"a":{"b":[1,"text",null]},"constructors":1}'],
    ['an emoji', '"\\ud83d\\ude00"'],
  ])('accepts %s', (_what, text) => {
    expect(unsafeJsonError(JSON.parse(text))).toBeUndefined();
  });

  it.each([
    ['a key that reaches a prototype', '{"a":[{"__proto__":{}}]}', '/a/0/__proto__'],
    ['constructor', '{"a":{"constructor":null}}', '/a/constructor'],
    ['prototype', '{"prototype":1}', '/prototype'],
    ['half a surrogate pair in a text', '{"a":["\\udc00"]}', '/a/0'],
    ['half a surrogate pair in a key', '{"\\ud800":1}', '/\ud800'],
  ])('finds %s at its path', (_what, text, pointer) => {
    expect(unsafeJsonError(JSON.parse(text))).toMatchObject({ in: 'body', pointer });
  });

  it('rejects deep nesting in bounded time', () => {
    expect(unsafeJsonError(nested(MAX_DEPTH))).toBeUndefined();
    expect(unsafeJsonError(nested(MAX_DEPTH + 1))).toMatchObject({
      detail: expect.stringContaining('deeper'),
    });
    const hostile = nested(30_000);
    const before = process.cpuUsage();
    expect(unsafeJsonError(hostile)).toBeDefined();
    expect(process.cpuUsage(before).user).toBeLessThan(100_000); // microseconds
  });
});

import { etagOf, ifMatch, ifNoneMatch, mustBeNew } from './preconditions.js';

describe('preconditions', () => {
  it.each<[header: string | undefined, strong: unknown, weak: unknown]>([
    [undefined, undefined, undefined],
    ['*', '*', '*'],
    ['"3"', [3], [3]],
    [' "3" , "12"', [3, 12], [3, 12]],
    ['W/"3"', [], [3]],
    ['"another"', [], []],
    ['""', [], []],
  ])('parses %s', (header, strong, weak) => {
    const listed = (versions: unknown) => (versions instanceof Set ? [...versions] : versions);
    expect(listed(ifMatch(header === undefined ? {} : { 'if-match': header }))).toEqual(strong);
    expect(listed(ifNoneMatch(header === undefined ? {} : { 'if-none-match': header }))).toEqual(weak);
  });

  it.each(['3', '"3', '"3" "4"', '', 'W/3', '"3",'])('rejects %j as a precondition', (header) => {
    expect(() => ifMatch({ 'if-match': header })).toThrow(/invalid-request/);
  });

  it('accepts only "*" in If-None-Match of a write', () => {
    expect(mustBeNew({})).toBe(false);
    expect(mustBeNew({ 'if-none-match': '*' })).toBe(true);
    expect(() => mustBeNew({ 'if-none-match': '"3"' })).toThrow(/invalid-request/);
  });

  it('formats an ETag as the version in quotes', () => {
    expect(etagOf(12)).toBe('"12"');
  });
});

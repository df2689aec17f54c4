import { parseTraceparent, traceIdOf } from './trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE}-b7ad6b7169203331-01`;

describe('a traceparent', () => {
  it('is taken as it is, and tells its trace', () => {
    expect(parseTraceparent(VALID)).toBe(VALID);
    expect(traceIdOf(VALID)).toBe(TRACE);
  });

  it('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`cc-${VALID.slice(3)}`)).toBe(VALID);
    expect(parseTraceparent(`cc-${VALID.slice(3)}-what-the-future-brings`)).toBe(VALID);
  });

  it.each([
    ['nothing', undefined],
    ['several', [VALID, VALID]],
    ['empty', ''],
    ['upper case', VALID.toUpperCase()],
    ['the forbidden version', `ff-${VALID.slice(3)}`],
    ['no trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['no parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['more than version 00 has', `${VALID}-more`],
    ['too short', VALID.slice(0, -1)],
    ['a line break at its end', `${VALID}\n`],
    ['too long', `cc-${VALID.slice(3)}-${'x'.repeat(1000)}`],
  ])('is none: %s', (_, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

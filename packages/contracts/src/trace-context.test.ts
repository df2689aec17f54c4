import { parseTraceparent, traceIdOf } from './trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE}-b7ad6b7169203331-01`;

describe('parseTraceparent', () => {
  it('returns a valid traceparent, which contains the trace id', () => {
    expect(parseTraceparent(VALID)).toBe(VALID);
    expect(traceIdOf(VALID)).toBe(TRACE);
  });

  it('reads a later version as version 00', () => {
    expect(parseTraceparent(`cc-${VALID.slice(3)}`)).toBe(VALID);
    expect(parseTraceparent(`cc-${VALID.slice(3)}-what-the-future-brings`)).toBe(VALID);
  });

  it.each([
    ['undefined', undefined],
    ['a list', [VALID, VALID]],
    ['an empty string', ''],
    ['upper case', VALID.toUpperCase()],
    ['the forbidden version', `ff-${VALID.slice(3)}`],
    ['no trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['no parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['extra fields in version 00', `${VALID}-more`],
    ['too short', VALID.slice(0, -1)],
    ['a line break at its end', `${VALID}\n`],
    ['too long', `cc-${VALID.slice(3)}-${'x'.repeat(1000)}`],
  ])('rejects %s', (_, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

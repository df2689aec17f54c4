import { parseTraceparent } from '@lamplighter/contracts/trace-context';
import { traceOfRequest } from './trace-of-request.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('traceOfRequest', () => {
  it('keeps the trace of a request', () => {
    expect(traceOfRequest({ traceparent: TRACEPARENT })).toBe(TRACEPARENT);
  });

  it.each([
    ['none', {}],
    ['a malformed one', { traceparent: 'yes' }],
    ['two, which Node joins', { traceparent: `${TRACEPARENT}, ${TRACEPARENT}` }],
  ])('starts a new trace for a request with %s', (_, headers) => {
    const [one, other] = [traceOfRequest(headers), traceOfRequest(headers)];
    expect(parseTraceparent(one)).toBe(one);
    expect(one).not.toBe(other);
  });
});

import { parseTraceparent } from '@lamplighter/contracts/trace-context';
import { traceOfRequest } from './trace-of-request.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

it('a request goes on with its trace', () => {
  expect(traceOfRequest({ traceparent: TRACEPARENT })).toBe(TRACEPARENT);
});

it.each([
  ['none', {}],
  ['a malformed one', { traceparent: 'yes' }],
  ['two, which Node joins', { traceparent: `${TRACEPARENT}, ${TRACEPARENT}` }],
])('a request with %s begins a trace of its own', (_, headers) => {
  const [one, other] = [traceOfRequest(headers), traceOfRequest(headers)];
  expect(parseTraceparent(one)).toBe(one);
  expect(one).not.toBe(other);
});

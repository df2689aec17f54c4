import { closedConnection } from './broker-log.js';

it.each([
  ['2026-11-30T13:25:47: Client twin already connected, closing old connection.', 'takeover', 'twin'],
  ['1795383872: Client a b [10.0.0.7:53211] already connected, closing old connection.', 'takeover', 'a b'],
  ['2026-11-30T13:25:47: Client big disconnected due to oversize packet.', 'too_large', 'big'],
  ['1795383872: Client big [10.0.0.7:53211] disconnected: packet too large.', 'too_large', 'big'],
  ['1795383872: Client x disconnected due to protocol error.', 'protocol', 'x'],
  ['1795383872: Client x disconnected due to malformed packet.', 'protocol', 'x'],
])('parses %s', (line, reason, client) => {
  expect(closedConnection(line)).toMatchObject({ reason, client });
});

it.each([
  '1795383872: Client x disconnected.',
  '1795383872: Client x disconnected, not authorised.',
  '1795383872: Client x already connected, closing old connection. disconnected.',
  '1795383872: New client connected from 10.0.0.7 as x already connected, closing old connection. (p2, c1, k60).',
])('ignores %s', (line) => {
  expect(closedConnection(line)).toBeUndefined();
});

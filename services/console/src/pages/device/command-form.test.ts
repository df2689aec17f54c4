import { EMPTY_FORM, requestOf, understoodActions } from './command-form.js';

it('builds a request without empty fields', () => {
  expect(requestOf({ ...EMPTY_FORM, action: '{"led_on": true}', lane: ' ', ttl: '' })).toEqual({
    action: { led_on: true },
    policy: 'latest',
  });
  expect(requestOf({ ...EMPTY_FORM, action: '{"a":1}', lane: 'led', policy: 'ordered' })).toEqual({
    action: { a: 1 },
    policy: 'ordered',
    lane: 'led',
    ttl: '1h',
  });
});

it.each(['', '{', '[1]', '"text"', 'null', '{}'])('asks for an object instead of %j', (action) => {
  expect(requestOf({ ...EMPTY_FORM, action })).toMatch(/JSON object/);
});

it('offers each executed action once', () => {
  const commands = [
    { state: 'succeeded', action: { led_on: true } },
    { state: 'failed', action: { led_on: 1 } },
    { state: 'succeeded', action: { led_on: false } },
    { state: 'succeeded', action: { led_on: true } },
  ] as const;
  expect(understoodActions(commands)).toEqual(['{"led_on":true}', '{"led_on":false}']);
});

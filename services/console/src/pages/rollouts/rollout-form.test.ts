import { formFrom, rolloutRequestOf, selectorOf } from './rollout-form.js';

const form = (query: string, names: readonly string[] = []) => formFrom(new URLSearchParams(query), names);

it('takes the selector from the address, or from the devices that were selected', () => {
  expect(selectorOf(form('devices=a,hall-*&presence=online&when=light<3'))).toEqual({
    devices: ['a', 'hall-*'],
    presence: 'online',
    when: 'light<3',
  });
  expect(selectorOf(form('', ['b', 'c']))).toEqual({ devices: ['b', 'c'] });
  expect(selectorOf(form(''))).toEqual({});
});

it('makes a request with an action and a rate', () => {
  const filled = { ...form('devices=a'), action: '{"led_on":true}' };
  expect(rolloutRequestOf(filled)).toMatchObject({
    action: { led_on: true },
    selector: { devices: ['a'] },
    rate: 50,
    abortAbove: 10,
  });
  expect(rolloutRequestOf({ ...filled, abortAbove: '' })).not.toHaveProperty('abortAbove');
  expect(rolloutRequestOf({ ...filled, rate: 'fast' })).toMatch(/per second/);
  expect(rolloutRequestOf(form(''))).toMatch(/JSON object/);
});

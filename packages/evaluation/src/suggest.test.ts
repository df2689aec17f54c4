import { didYouMean, suggest } from './suggest.js';

describe('suggest', () => {
  it.each([
    ['lihgt', 'light'],
    ['ligt', 'light'],
    ['lightt', 'light'],
    ['Light', 'light'],
    ['temprature', 'temperature'],
    ['led-on', 'led_on'],
    ['x', undefined],
    ['pressure', undefined],
    ['', undefined],
  ])('%j: suggests %j', (name, suggestion) => {
    expect(suggest(name, ['light', 'led_on', 'temperature'])).toBe(suggestion);
  });

  it('is part of a message', () => {
    expect(didYouMean('lihgt', ['light'])).toBe(", did you mean 'light'?");
    expect(didYouMean('pressure', ['light'])).toBe('');
  });
});

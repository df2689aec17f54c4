import { didYouMean, suggest } from './suggest.js';

describe('a misspelt name', () => {
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
  ])('%j was meant as %j', (name, meant) => {
    expect(suggest(name, ['light', 'led_on', 'temperature'])).toBe(meant);
  });

  it('is told in words', () => {
    expect(didYouMean('lihgt', ['light'])).toBe(", did you mean 'light'?");
    expect(didYouMean('pressure', ['light'])).toBe('');
  });
});

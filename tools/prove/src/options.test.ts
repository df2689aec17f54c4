import { HelpWanted, readOptions, UnknownOption } from './options.js';

describe('the command line', () => {
  it('asks for three minutes and fifty devices by default, and draws a seed', () => {
    expect(readOptions([])).toMatchObject({ minutes: 3, devices: 50, rate: 10, seed: expect.any(Number) });
  });

  it('is read', () => {
    const options = readOptions(['--minutes', '0.5', '--seed', '7', '--devices=200']);
    expect(options).toMatchObject({ minutes: 0.5, seed: 7, devices: 200, rate: 40 });
  });

  it.each([
    ['--minutes', '0'],
    ['--minutes', 'long'],
    ['--seed', '-1'],
    ['--devices', '1.5'],
    ['--devices', ''],
    ['--fast'],
    ['5'],
  ])('is refused with the usage: %s %s', (...args) => {
    expect(() => readOptions(args)).toThrow(UnknownOption);
    expect(() => readOptions(args)).toThrow(/npm run prove/);
  });

  it('tells how it is used', () => {
    expect(() => readOptions(['--help'])).toThrow(HelpWanted);
  });
});

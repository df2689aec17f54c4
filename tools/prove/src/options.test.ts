import { HelpRequested, InvalidOption, readOptions } from './options.js';

describe('the command line', () => {
  it('defaults to three minutes, fifty devices and a random seed', () => {
    expect(readOptions([])).toMatchObject({ minutes: 3, devices: 50, rate: 10, seed: expect.any(Number) });
  });

  it('reads all options', () => {
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
  ])('rejects %s %s with the usage', (...args) => {
    expect(() => readOptions(args)).toThrow(InvalidOption);
    expect(() => readOptions(args)).toThrow(/npm run prove/);
  });

  it('prints the usage', () => {
    expect(() => readOptions(['--help'])).toThrow(HelpRequested);
  });
});

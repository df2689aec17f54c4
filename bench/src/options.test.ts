import { describe, expect, it } from '@jest/globals';
import { readOptions, UnknownOption } from './options.js';

describe('the command line', () => {
  it('measures everything by default', () => {
    expect(readOptions([])).toEqual({
      scenarios: ['sustained', 'cpu', 'latency', 'flood'],
      services: ['reference', 'lamplighter'],
      qos: [0, 1],
      durability: 'require',
      quick: false,
      devices: 2000,
      connections: 40,
      capacity: undefined,
    });
  });

  it('takes what it is told', () => {
    const options = readOptions(['--quick', '--only=cpu,flood', '--qos', '1', '--capacity', '30000']);
    expect(options).toMatchObject({ quick: true, scenarios: ['cpu', 'flood'], qos: [1], capacity: 30_000 });
  });

  it.each([
    [['--fast'], '--fast'],
    [['--only', 'cpu,speed'], 'speed is none of'],
    [['--qos', '2'], '2 is none of'],
    [['--devices', 'many'], '--devices: must be a whole number'],
  ])('refuses %j and says how it is used', (args, message) => {
    expect(() => readOptions(args)).toThrow(UnknownOption);
    expect(() => readOptions(args)).toThrow(message);
    expect(() => readOptions(args)).toThrow('Usage:');
  });
});

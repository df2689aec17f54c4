import { describe, expect, it } from '@jest/globals';
import { HelpRequested, InvalidOptions, readOptions } from './options.js';

describe('readOptions', () => {
  it('measures everything by default', () => {
    expect(readOptions([])).toEqual({
      scenarios: ['sustained', 'flat-out', 'fixed-rate', 'command', 'idle', 'flood', 'rest'],
      services: ['lamplighter', 'nest-stock', 'mqttjs-ioredis', 'bare-batched-loop'],
      qos: [0, 1],
      persistence: 'off',
      quick: false,
      waitForCalm: true,
      devices: 1000,
      connections: 20,
      seconds: undefined,
      repeats: undefined,
      capacity: undefined,
      out: undefined,
    });
  });

  it('reads each option', () => {
    const options = readOptions([
      '--quick',
      '--only=flood,idle',
      '--qos',
      '1',
      '--capacity',
      '30000',
      '--no-wait',
    ]);
    expect(options).toMatchObject({ quick: true, scenarios: ['idle', 'flood'], qos: [1], capacity: 30_000 });
    expect(options.waitForCalm).toBe(false);
  });

  it.each([
    [['--fast'], '--fast'],
    [['--only', 'idle,speed'], 'unknown speed'],
    [['--qos', '2'], 'unknown 2'],
    [['--devices', 'many'], '--devices: must be a whole number'],
  ])('rejects %j and explains the usage', (args, message) => {
    expect(() => readOptions(args)).toThrow(InvalidOptions);
    expect(() => readOptions(args)).toThrow(message);
    expect(() => readOptions(args)).toThrow('Usage:');
  });

  it('prints the usage on request', () => {
    expect(() => readOptions(['--help'])).toThrow(HelpRequested);
  });
});

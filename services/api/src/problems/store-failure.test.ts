import { Problem } from './problem.js';
import { isStoreFailure, storeUnavailable } from './store-failure.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('isStoreFailure', () => {
  it.each<[what: string, error: unknown, expected: boolean]>([
    ['a timeout', new Error('Command timed out'), true],
    ['a Redis that is loading its data', reply('LOADING Redis is loading the dataset in memory'), true],
    ['a Redis that rejects writes', reply('OOM command not allowed'), true],
    ['the problem of an unavailable Redis', storeUnavailable(), true],
    [
      'the problem of a Redis that is not durable',
      new Problem('store-not-durable', 'Set "appendonly yes".'),
      true,
    ],
    ['any other problem', new Problem('no-such-fleet', 'Fleet "demo" does not exist.'), false],
    ['a script error', reply('ERR attempt to compare nil with number'), false],
    ['a programming error', new TypeError('x is undefined'), false],
  ])('classifies %s', (_what, error, expected) => {
    expect(isStoreFailure(error)).toBe(expected);
  });
});

import { commandsOf, every, lowered, obstaclesOf, problemsOf } from '../../../test/rule-under-test.js';

describe('enabled', () => {
  it('must be a boolean', () => {
    expect(problemsOf({ enabled: 'no' })).toEqual(['/enabled: must be true or false']);
  });

  it('false stops the evaluation', () => {
    expect(commandsOf({ enabled: false }, every(1, [200, 400]))).toBe('');
  });

  it('is explained', () => {
    expect(obstaclesOf({ enabled: false }, lowered)).toEqual(['the rule was disabled']);
  });
});

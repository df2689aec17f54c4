import { createLogger } from './log/logger.js';
import { Metrics } from './metrics.js';
import { UnexpectedErrors, unexpectedErrorsCounter } from './unexpected-errors.js';

describe('UnexpectedErrors', () => {
  it('counts an error by place and logs it with its stack', async () => {
    const lines: string[] = [];
    const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
    const counter = unexpectedErrorsCounter(new Metrics('test', '1.2.3'), ['timers', 'canary']);
    const errors = new UnexpectedErrors<'timers' | 'canary'>(logger, counter);
    errors.report('timers', new TypeError('x is undefined'), 'cannot fire timers; retrying', {
      fleet: 'demo',
    });
    const line: unknown = JSON.parse(lines[0]!);
    expect(line).toMatchObject({
      level: 'error',
      fleet: 'demo',
      where: 'timers',
      msg: 'cannot fire timers; retrying',
      err: { message: 'x is undefined', stack: expect.stringContaining('unexpected-errors.test') },
    });
    const { values } = await counter.get();
    expect(values.map(({ labels, value }) => [labels.where, value])).toEqual([
      ['timers', 1],
      ['canary', 0],
    ]);
  });
});

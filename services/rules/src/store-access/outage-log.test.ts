import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { RulesErrors } from '../rules-errors.js';
import { OutageLog } from './outage-log.js';

const UNREACHABLE = new Error('Connection is closed.');
const FULL = Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' });

function outageLog() {
  const lines: unknown[] = [];
  const reports: unknown[] = [];
  const logger = {
    warn: ({ reason }: { reason: string }, message: string) => lines.push(`${message}: ${reason}`),
    info: (message: string) => lines.push(message),
  } as unknown as Logger;
  const unexpected = {
    report: (where: string, error: unknown, message: string, fields?: object) =>
      reports.push([where, error, message, ...(fields === undefined ? [] : [fields])]),
  } as unknown as RulesErrors;
  return { log: new OutageLog(logger, unexpected), lines, reports };
}

describe('OutageLog', () => {
  it('logs an outage once per cause, and its end', () => {
    const { log, lines, reports } = outageLog();
    log.writeSucceeded();
    for (const error of [UNREACHABLE, UNREACHABLE, FULL, FULL]) log.writeFailed(error);
    log.writeSucceeded();
    log.writeSucceeded();
    log.writeFailed(FULL);
    expect(lines).toEqual([
      'Redis is rejecting readings; applying back-pressure to the broker: Connection is closed.',
      'Redis is rejecting readings; applying back-pressure to the broker: OOM command not allowed',
      'Redis accepts readings again',
      'Redis is rejecting readings; applying back-pressure to the broker: OOM command not allowed',
    ]);
    expect(reports).toEqual([]);
  });

  it('reports an error that is not a failure of Redis as unexpected', () => {
    const { log, lines, reports } = outageLog();
    const bug = new TypeError('x is undefined');
    log.writeFailed(bug);
    log.writeSucceeded();
    expect([lines, reports]).toEqual([[], [['store_write', bug, 'cannot write to Redis; retrying']]]);
  });

  it('reports dropped input with its device', () => {
    const { log, reports } = outageLog();
    const bug = new Error('ERR attempt to compare nil with number');
    log.inputDropped({ fleet: 'demo', device: 'lamp' }, bug);
    expect(reports).toEqual([
      [
        'store_write',
        bug,
        'a function failed on the input of a device; dropping its part of the batch',
        { fleet: 'demo', device: 'lamp' },
      ],
    ]);
  });
});

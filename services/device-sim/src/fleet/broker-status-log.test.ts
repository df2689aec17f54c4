import type { Logger } from '@lamplighter/service-kit/log/logger';
import { BrokerStatusLog } from './broker-status-log.js';

function newStatusLog() {
  const lines: string[] = [];
  const line = (level: string) => (text: string) => lines.push(`${level}: ${text}`);
  const logger = { info: line('info'), warn: line('warn'), error: line('error') } as unknown as Logger;
  return { lines, statusLog: new BrokerStatusLog(logger, 'host:1883', 'the account "demo"') };
}

describe('BrokerStatusLog', () => {
  it('logs once that the broker is unavailable, and once that it is available again', () => {
    const { lines, statusLog } = newStatusLog();
    statusLog.connected();
    statusLog.outage({ cause: 'lost', reason: 'closed' });
    for (let i = 0; i < 100; i += 1) statusLog.outage({ cause: 'unreachable', reason: 'ECONNREFUSED' });
    expect(statusLog.problem).toBe('cannot reach broker at host:1883');
    statusLog.connected();
    statusLog.connected();
    expect(statusLog.problem).toBeUndefined();
    expect(lines).toEqual([
      'warn: cannot reach broker at host:1883 (closed); retrying',
      'info: broker at host:1883 is available again',
    ]);
  });

  it('logs an error if the broker refuses the account', () => {
    const { lines, statusLog } = newStatusLog();
    statusLog.outage({ cause: 'unreachable', reason: 'ECONNREFUSED' });
    statusLog.outage({ cause: 'refused', reason: 'Not authorized', code: 135 });
    expect(lines[1]).toMatch(
      /^error: .*refuses the account "demo" \(Not authorized\); retrying; check MQTT_URL/,
    );
  });
});

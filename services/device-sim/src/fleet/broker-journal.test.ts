import type { Logger } from '@lamplighter/service-kit/logger';
import { BrokerJournal } from './broker-journal.js';

function journalWithLines() {
  const lines: string[] = [];
  const line = (level: string) => (text: string) => lines.push(`${level}: ${text}`);
  const logger = { info: line('info'), warn: line('warn'), error: line('error') } as unknown as Logger;
  return { lines, journal: new BrokerJournal(logger, 'host:1883', 'the account "demo"') };
}

describe('the journal of the broker', () => {
  it('says once that the broker is away, and once that it is back', () => {
    const { lines, journal } = journalWithLines();
    journal.reached();
    journal.outage({ cause: 'lost', reason: 'closed' });
    for (let i = 0; i < 100; i += 1) journal.outage({ cause: 'unreachable', reason: 'ECONNREFUSED' });
    expect(journal.problem).toBe('the broker at host:1883 cannot be reached');
    journal.reached();
    journal.reached();
    expect(journal.problem).toBeUndefined();
    expect(lines).toEqual([
      'warn: the broker at host:1883 cannot be reached (closed); trying again',
      'info: the broker at host:1883 is back',
    ]);
  });

  it('asks a person to act when the broker refuses', () => {
    const { lines, journal } = journalWithLines();
    journal.outage({ cause: 'unreachable', reason: 'ECONNREFUSED' });
    journal.outage({ cause: 'refused', reason: 'Not authorized', code: 135 });
    expect(lines[1]).toMatch(/^error: .*refuses the account "demo" \(Not authorized\): check MQTT_URL/);
  });
});

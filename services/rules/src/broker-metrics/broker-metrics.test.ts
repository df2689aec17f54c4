import { Metrics } from '@lamplighter/service-kit/metrics';
import { BrokerMetrics } from './broker-metrics.js';

function underTest() {
  const metrics = new Metrics('rules', '0.0.0');
  const broker = new BrokerMetrics(metrics);
  const value = async (name: string) => {
    const text = await metrics.registry.metrics();
    const found = new RegExp(`^lamplighter_broker_${name} (\\S+)$`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const refused = async () =>
    /^lamplighter_auth_failures_total\{kind="mqtt"\} (\S+)$/m.exec(await metrics.registry.metrics())?.[1];
  return { broker, value, refused };
}

describe('BrokerMetrics', () => {
  it('counts refused connections from the log', async () => {
    const { broker, refused } = underTest();
    expect(await refused()).toBe('0');
    for (const line of [
      '1795383872: Client <unknown> disconnected, not authorised.',
      '1795383872: Client lamp-7 [10.0.0.7:53211] disconnected: not authorised.',
      '1795383872: Client x disconnected, not authorised. disconnected.',
      '1795383873: Client lamp-7 disconnected.',
    ])
      broker.update('$SYS/broker/log/N', line);
    expect(await refused()).toBe('2');
  });

  it('shows the values from $SYS', async () => {
    const { broker, value } = underTest();
    broker.update('$SYS/broker/clients/connected', '53');
    broker.update('$SYS/broker/publish/messages/dropped', '7');
    broker.update('$SYS/broker/uptime', '86 seconds');
    expect(await value('clients')).toBe(53);
    expect(await value('publish_dropped_total')).toBe(7);
    expect(await value('uptime_seconds')).toBe(86);
  });

  it('follows a restarted broker and has no values while it is unavailable', async () => {
    const { broker, value } = underTest();
    expect(await value('messages_received_total')).toBeUndefined();
    broker.update('$SYS/broker/messages/received', '120000');
    broker.clear();
    expect(await value('messages_received_total')).toBeUndefined();
    broker.update('$SYS/broker/messages/received', '12');
    expect(await value('messages_received_total')).toBe(12);
  });

  it('shows the age of the newest value', async () => {
    const { broker, value } = underTest();
    const before = (await value('sys_age_seconds')) ?? 0;
    expect(before).toBeGreaterThan(0);
    broker.update('$SYS/broker/clients/connected', 'many');
    broker.update('$SYS/broker/clients/connected', '');
    broker.update('$SYS/broker/version', '2');
    expect(await value('clients')).toBeUndefined();
    expect(await value('sys_age_seconds')).toBeGreaterThan(before);
    const updatedAt = performance.now();
    broker.update('$SYS/broker/clients/connected', '1');
    expect(await value('sys_age_seconds')).toBeLessThanOrEqual((performance.now() - updatedAt) / 1000);
  });
});

import { durableClientId, withoutClientIds } from './durable-client-id.js';
import { shareGroup } from './share-group.js';

const URL_OF_RULES = 'mqtt://rules:s3cret@broker:1883';

describe('durableClientId', () => {
  it('cannot be derived without the password, and reveals neither it nor the share group', () => {
    const id = durableClientId(URL_OF_RULES);
    expect(id).toMatch(/^lamplighter-rules-durable-[\w-]{43}$/);
    expect(durableClientId('mqtt://rules:other@broker:1883')).not.toBe(id);
    expect(id.slice(-43)).not.toBe(shareGroup(URL_OF_RULES).slice(-43));
  });

  it('is a fixed name without a password', () => {
    expect(durableClientId('mqtt://broker:1883')).toBe('lamplighter-rules-durable');
  });
});

it('client ids of the rules service are hidden, others are not', () => {
  const id = `${durableClientId(URL_OF_RULES)}-telemetry`;
  expect(withoutClientIds(`Client ${id} already connected, closing old connection.`)).toBe(
    'Client lamplighter-rules-… already connected, closing old connection.',
  );
  expect(withoutClientIds('demo.lamp-0001')).toBe('demo.lamp-0001');
});

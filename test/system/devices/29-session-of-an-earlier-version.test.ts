import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { durableClientId } from '../../../services/rules/src/mqtt/durable-client-id.js';
import { parseExposition } from '../exposition.js';

it('acknowledges messages of an obsolete subscription in a kept session', async () => {
  const [broker, redis] = await Promise.all([startBroker(), startRedis()]);
  const earlier = await connectMqtt(broker.rulesUrl, {
    clientId: `${durableClientId(broker.rulesUrl)}-commands`,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  });
  await earlier.subscribe('+/telemetry/#'); // no handler of this session takes telemetry any more
  await earlier.close();
  const rules = await startService('rules', {
    MQTT_URL: broker.rulesUrl,
    REDIS_URL: redis.rulesUrl,
    INGEST_MODE: 'durable',
  });
  const metric = async (name: string) => {
    const all = parseExposition(await (await fetch(`${rules.url}/metrics`)).text());
    return all.get(name)?.samples ?? [];
  };
  const lamp = await connectDevice(await broker.newFleet());
  for (let light = 0; light < 5; light += 1) await lamp.sendReading({ light });
  const accepted = async () =>
    (await metric('lamplighter_telemetry_messages_total')).find(({ labels }) => labels.result === 'accepted')
      ?.value;
  await until(async () => (await accepted()) === 5, { what: 'the readings to be stored' });
  await until(async () => (await metric('lamplighter_ingest_inflight'))[0]?.value === 0, {
    what: 'no message to be unacknowledged',
  });
}, 60_000);

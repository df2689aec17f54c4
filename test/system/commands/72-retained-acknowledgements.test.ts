import { connectDevice } from '@lamplighter/test-kit/device';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { startStack } from '../stack.js';

it.each(['shared', 'durable'])(
  'a retained answer is not applied to a later command when rules restart (INGEST_MODE=%s)',
  async (mode) => {
    const stack = await startStack({ rulesEnv: { INGEST_MODE: mode } });
    const fleet = await stack.broker.newFleet();
    const birth = async (device: string) => {
      const lamp = await connectDevice(fleet, device);
      await lamp.publish(
        `${fleet.name}/presence/${device}`,
        { online: true, session: Date.now() },
        { retain: true },
      );
      const isOnline = async () =>
        (await stack.get(`/v1/fleets/${fleet.name}/devices/${device}`)).body.presence === 'online';
      await until(isOnline, { what: `the birth of ${device}` });
      return lamp;
    };
    const lamp = await birth('lamp');
    const post = async (action: object) =>
      (await stack.send('POST', `/v1/fleets/${fleet.name}/devices/lamp/commands`, { action })).body
        .id as string;
    const command = async (id: string) => (await stack.get(`/v1/commands/${id}`)).body;
    const answers = `${fleet.name}/acknowledgements/lamp`;

    const first = await post({ led_on: true });
    await lamp.nextCommand();
    await lamp.publish(answers, { status: 'ok' }, { retain: true });
    await until(async () => (await command(first)).unreadAnswers?.length === 1, { what: 'the note' });
    await lamp.publish(answers, { id: first, status: 'succeeded' });
    await until(async () => (await command(first)).state === 'succeeded', { what: 'the first answer' });

    const second = await post({ led_on: false });
    await lamp.nextCommand();
    await stack.rules.stop();
    const rules = await startService('rules', {
      MQTT_URL: stack.broker.rulesUrl,
      REDIS_URL: stack.redis.url,
      INGEST_MODE: mode,
    });
    await until(async () => (await fetch(`${rules.url}/health/ready`)).ok, {
      what: 'rules',
      timeoutMs: 20_000,
    });
    // Births come on the same link.
    await birth('fence');
    expect(await command(second)).not.toHaveProperty('unreadAnswers');
    expect((await command(first)).unreadAnswers).toHaveLength(1);
    await lamp.publish(answers, { id: second, status: 'succeeded' });
    await until(async () => (await command(second)).state === 'succeeded', { what: 'the second answer' });
  },
  60_000,
);

import { until } from '@lamplighter/test-kit/until';
import { connectAnnounced } from '../announced-device.js';
import { addReplica } from '../replicas.js';
import { startStack } from '../stack.js';

it.each(['shared', 'durable'])(
  'a retained acknowledgement is not applied to a later command when rules restart (INGEST_MODE=%s)',
  async (mode) => {
    const stack = await startStack({ rulesEnv: { INGEST_MODE: mode } });
    const fleet = await stack.broker.newFleet();
    const lamp = await connectAnnounced(stack, fleet, 'lamp');
    const post = async (action: object) =>
      (await stack.send('POST', `/v1/fleets/${fleet.name}/devices/lamp/commands`, { action })).body
        .id as string;
    const command = async (id: string) => (await stack.get(`/v1/commands/${id}`)).body;
    const acknowledgements = `${fleet.name}/acknowledgements/lamp`;

    const first = await post({ led_on: true });
    await lamp.nextCommand();
    await lamp.publish(acknowledgements, { status: 'ok' }, { retain: true });
    await until(async () => (await command(first)).unreadAnswers?.length === 1, {
      what: 'the malformed acknowledgement to be recorded',
    });
    await lamp.publish(acknowledgements, { id: first, status: 'succeeded' });
    await until(async () => (await command(first)).state === 'succeeded', {
      what: 'the first command to succeed',
    });

    const second = await post({ led_on: false });
    await lamp.nextCommand();
    await stack.rules.stop();
    const rules = await addReplica(stack, { INGEST_MODE: mode });
    await until(async () => (await fetch(`${rules.url}/health/ready`)).ok, {
      what: 'rules to be ready',
      timeoutMs: 20_000,
    });
    // Births arrive on the same link, so a retained acknowledgement would have been processed before this one.
    await connectAnnounced(stack, fleet, 'fence');
    expect(await command(second)).not.toHaveProperty('unreadAnswers');
    expect((await command(first)).unreadAnswers).toHaveLength(1);
    await lamp.publish(acknowledgements, { id: second, status: 'succeeded' });
    await until(async () => (await command(second)).state === 'succeeded', {
      what: 'the second command to succeed',
    });
  },
  60_000,
);

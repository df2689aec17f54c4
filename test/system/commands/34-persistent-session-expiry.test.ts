import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connect, type IClientOptions } from 'mqtt';
import { type SharedStack, sharedStack } from '../stack.js';

const DEVICE = 'lamp-0001';
/** Longer than the times to live below, and shorter than the freshness of a device. */
const SETTLE_MS = 20_000;

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** Connects a device without a will, so that it still counts as online after it disconnects; the broker keeps its session. */
async function connectOnce(fleet: TestFleet, session: IClientOptions): Promise<void> {
  const lamp = await connectDevice(fleet, DEVICE, session);
  const birth = { online: true, session: 1 };
  await lamp.publish(deviceTopic(fleet.name, 'presence', DEVICE), birth, { retain: true });
  const path = `/v1/fleets/${fleet.name}/devices/${DEVICE}`;
  await until(async () => (await stack.get(path)).body.presence === 'online', { what: 'the device online' });
  await lamp.close();
}

/** Connects to the kept session, and collects the commands, starting with the first packet. */
function reconnect(fleet: TestFleet, session: IClientOptions): Record<string, unknown>[] {
  const commands: Record<string, unknown>[] = [];
  const client = connect(fleet.url, { ...session, clientId: `${fleet.name}.${DEVICE}`, reconnectPeriod: 0 });
  client.on('message', (topic, payload) => {
    if (topic !== deviceTopic(fleet.name, 'commands', DEVICE)) return;
    const { _cmd, ...action } = JSON.parse(payload.toString());
    commands.push(action);
  });
  closeLater('reconnected device', () => client.endAsync(true));
  return commands;
}

async function issue(fleet: TestFleet, action: object, ttl: string): Promise<string> {
  const path = `/v1/fleets/${fleet.name}/devices/${DEVICE}/commands`;
  return (await stack.send('POST', path, { action, ttl, attempts: 1 })).body.id;
}

const reaches = (id: string, states: readonly string[]) =>
  until(async () => states.includes((await stack.get(`/v1/commands/${id}`)).body.state), {
    what: `command ${id} to be ${states.join(' or ')}`,
    timeoutMs: SETTLE_MS,
  });

describe.each<[protocol: string, session: IClientOptions]>([
  ['MQTT 3.1.1 with clean=false', { protocolVersion: 4, clean: false }],
  ['MQTT 5 with session expiry', { clean: false, properties: { sessionExpiryInterval: 600 } }],
])('a device with a persistent session, %s, that disconnects without a goodbye', (_, session) => {
  it('does not receive the expired copy of a command that the broker queued', async () => {
    const fleet = await stack.broker.newFleet();
    await connectOnce(fleet, session);
    const expired = await issue(fleet, { door: 'open' }, '2s');
    await reaches(expired, ['dispatched']);
    await reaches(expired, ['unknown', 'expired']);
    const commands = reconnect(fleet, session);
    await issue(fleet, { led_on: true }, '1m');
    await until(() => commands.length > 0, { what: 'the command that was issued last' });
    expect(commands).toEqual([{ led_on: true }]);
  });

  it('receives a queued copy that has not expired', async () => {
    const fleet = await stack.broker.newFleet();
    await connectOnce(fleet, session);
    await reaches(await issue(fleet, { door: 'open' }, '1m'), ['dispatched']);
    const commands = reconnect(fleet, session);
    await until(() => commands.length > 0, { what: 'the queued command' });
    expect(commands[0]).toEqual({ door: 'open' });
  });
});

import { rmSync } from 'node:fs';
import {
  enrolDevices,
  renewPassword,
  revokeAccount,
  setAccountState,
} from '@lamplighter/store/accounts/device-accounts';
import type { Redis } from '@lamplighter/store/redis/connect';
import { connectMqtt, type TestClient } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connect } from 'mqtt';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from '../stack.js';

/** A change reaches the broker within 2 s; a machine that runs other tests meanwhile may take longer. */
const WITHIN_MS = 10_000;

let stack: Stack;
let redis: Redis;
let fleet: TestFleet;
let rules: TestClient;
let names = 0;

beforeAll(async () => {
  stack = await startStack();
  redis = await connected(stack.redis.url);
  fleet = await stack.broker.newFleet();
  rules = await connectMqtt(stack.broker.rulesUrl);
  await rules.subscribe('+/telemetry/#');
}, 60_000);

const urlOf = (device: string, password: string) =>
  `mqtt://${device}:${password}@127.0.0.1:${stack.broker.port}`;

/** Whether the broker accepts the account. */
const isAccepted = async (url: string) => {
  try {
    await (await connectMqtt(url)).close();
    return true;
  } catch (error) {
    if (/authori[sz]ed|bad user name/i.test(String(error))) return false;
    throw error;
  }
};

const untilAccepted = (url: string, accepted = true) =>
  until(async () => (await isAccepted(url)) === accepted, {
    what: `the broker to ${accepted ? 'accept' : 'refuse'} ${url}`,
    timeoutMs: WITHIN_MS,
  });

/** Enrols a device with a new name, and waits until the broker accepts it. */
async function enrolled(): Promise<{ device: string; url: string }> {
  names += 1;
  const name = `pump-${names}`;
  const [account] = await enrolDevices(redis, fleet.name, [name]);
  const url = urlOf(name, account!.password);
  await untilAccepted(url);
  return { device: name, url };
}

/** What the broker does with a publish of this client. */
async function publishResult(
  client: TestClient,
  topic: string,
  retain = false,
): Promise<'allowed' | 'denied'> {
  try {
    await client.publish(topic, '{}', { retain });
    return 'allowed';
  } catch (error) {
    expect(String(error)).toMatch(/not authorized/i);
    return 'denied';
  }
}

describe('a device with an account of its own', () => {
  let own: { device: string; url: string };
  beforeAll(async () => {
    own = await enrolled();
  });
  const named = (topic: string) => topic.replace('FLEET', fleet.name).replace('OWN', own.device);

  it.each([
    ['allowed', 'FLEET/telemetry/OWN'],
    ['allowed', 'FLEET/acknowledgements/OWN'],
    ['allowed', 'FLEET/presence/OWN'],
    ['denied', 'FLEET/commands/OWN'],
    ['denied', 'FLEET/receipts/OWN'],
    ['denied', 'FLEET/state/OWN'],
    ['denied', 'FLEET/claims/OWN'],
    ['denied', 'FLEET/telemetry/OWN/light'],
    ['denied', 'FLEET/telemetry'],
    ['denied', 'FLEET/telemetry/other'],
    ['denied', 'FLEET/acknowledgements/other'],
    ['denied', 'FLEET/presence/other'],
    ['denied', 'FLEET/telemtry/OWN'],
    ['denied', 'other/telemetry/OWN'],
    ['denied', 'other/presence/OWN'],
    ['denied', 'OWN/telemetry/OWN'],
    ['denied', 'OWN/telemetry/other'],
    ['denied', 'OWN/claims/other'],
    ['denied', '/OWN/telemetry/other'],
    ['denied', 'lamplighter-canary/telemetry/OWN'],
    ['denied', '$SYS/broker/version'],
  ])('is %s to publish to %s, retained or not', async (expected, topic) => {
    const client = await connectMqtt(own.url);
    expect(await publishResult(client, named(topic))).toBe(expected);
    if (expected === 'denied') expect(await publishResult(client, named(topic), true)).toBe(expected);
  });

  it('has no will on the topic of another device, and one on its own', async () => {
    await rules.subscribe('+/presence/#');
    const lost = async (topic: string) => {
      const will = { topic: named(topic), payload: Buffer.from('{"online":false}'), qos: 1 as const };
      (await connectMqtt(own.url, { will })).cut();
    };
    await lost('FLEET/presence/other');
    await lost('FLEET/presence/OWN');
    await rules.next(({ topic }) => topic === named('FLEET/presence/OWN'));
    expect(rules.received.filter(({ topic }) => topic === named('FLEET/presence/other'))).toEqual([]);
  });

  it('receives only what is sent to it, whatever it subscribes to', async () => {
    const client = await connectMqtt(own.url);
    for (const filter of ['#', '+/+/+', '$SYS/#', `$share/any/${fleet.name}/#`, named('FLEET/commands/OWN')])
      await client.subscribe(filter);
    const neighbour = await connectMqtt(fleet.url);
    await neighbour.publish(`${fleet.name}/telemetry/other`, { light: 1 });
    for (const topic of ['commands', 'receipts', 'state']) {
      await rules.publish(`${fleet.name}/${topic}/other`, {});
      await rules.publish(`other/${topic}/${own.device}`, {});
      await rules.publish(`${own.device}/${topic}/other`, {});
    }
    for (const topic of ['commands', 'receipts', 'state'])
      await rules.publish(named(`FLEET/${topic}/OWN`), { last: topic });
    await client.next(({ payload }) => payload.toString().includes('"last":"state"'));
    const topics = new Set(client.received.map(({ topic }) => topic));
    expect([...topics].toSorted()).toEqual(
      ['commands', 'receipts', 'state'].map((topic) => named(`FLEET/${topic}/OWN`)).toSorted(),
    );
  });

  it('cannot use the account of another device or of its fleet, nor the listener of services', async () => {
    const password = new URL(own.url).password;
    for (const user of [fleet.name, 'rules', 'other'])
      expect(await isAccepted(urlOf(user, password))).toBe(false);
    const services = new URL(stack.broker.rulesUrl);
    services.username = own.device;
    services.password = password;
    expect(await isAccepted(services.href)).toBe(false);
  });
});

describe('within 2 s, and without disconnecting other devices,', () => {
  let other: TestClient;
  let ofFleet: TestClient;
  beforeAll(async () => {
    other = await connectMqtt((await enrolled()).url);
    ofFleet = await connectMqtt(fleet.url);
  });
  afterEach(() => {
    expect([other.connected(), ofFleet.connected()]).toEqual([true, true]);
  });
  const untilDisconnected = (client: TestClient) =>
    until(() => !client.connected(), { what: 'the session to be ended', timeoutMs: WITHIN_MS });

  it('a disabled device is disconnected and refused, and accepted again once it is enabled', async () => {
    const { device, url } = await enrolled();
    const client = await connectMqtt(url);
    await setAccountState(redis, fleet.name, device, 'disabled');
    await untilDisconnected(client);
    expect(await isAccepted(url)).toBe(false);
    await setAccountState(redis, fleet.name, device, 'enabled');
    await untilAccepted(url);
  });

  it('a device whose account is revoked is disconnected and refused', async () => {
    const { device, url } = await enrolled();
    const client = await connectMqtt(url);
    await revokeAccount(redis, fleet.name, device);
    await untilDisconnected(client);
    expect(await isAccepted(url)).toBe(false);
  });

  it('a new password replaces the earlier one, also of a connection', async () => {
    const { device, url } = await enrolled();
    const client = await connectMqtt(url);
    const renewed = await renewPassword(redis, fleet.name, device);
    await untilDisconnected(client);
    expect(await isAccepted(url)).toBe(false);
    await untilAccepted(urlOf(device, renewed!.password));
  });

  it('devices keep their accounts when a fleet gets one', async () => {
    const { url } = await enrolled();
    const added = await stack.broker.newFleet();
    expect([await isAccepted(url), await isAccepted(added.url)]).toEqual([true, true]);
  });
});

it('an account with the name of a fleet or a service has none of their rights, and none at the broker', async () => {
  const { url: demo } = fleet;
  const taken = ['rules', fleet.name];
  const accounts = await enrolDevices(redis, 'impostors', taken);
  await enrolled();
  for (const { device, password } of accounts) expect(await isAccepted(urlOf(device, password))).toBe(false);
  expect(await isAccepted(demo)).toBe(true);
});

it('a broker that has lost its files gets the accounts of devices again', async () => {
  const { url } = await enrolled();
  await stack.broker.stop();
  rmSync(stack.broker.deviceAccountsFile);
  await stack.broker.start();
  await untilAccepted(url);
}, 30_000);

it('a device that acknowledges gets a command for which the broker no longer queues, after a restart and a change of accounts', async () => {
  const { device, url } = await enrolled();
  const session = { clientId: device, clean: false, properties: { sessionExpiryInterval: 3600 } };
  const first = await connectMqtt(url, session);
  await first.subscribe(`${fleet.name}/commands/${device}`);
  await first.publish(`${fleet.name}/presence/${device}`, { online: true, session: 1 }, { retain: true });
  await stack.online(fleet.name, device);
  await first.close();
  await stack.broker.stop();
  await stack.broker.start();
  await enrolled(); // reloads the accounts
  const { status } = await stack.send('POST', `/v1/fleets/${fleet.name}/devices/${device}/commands`, {
    action: { led_on: true },
  });
  expect(status).toBe(202);
  const arrived: string[] = [];
  const again = connect(url, { ...session, protocolVersion: 5, reconnectPeriod: 0 });
  again.on('message', (_topic, payload) => arrived.push(payload.toString()));
  closeLater(`session ${device}`, () => again.endAsync(true));
  await until(() => again.connected, { what: 'the device to connect' });
  await until(() => arrived.some((payload) => payload.includes('led_on')), { what: 'the command' });
}, 60_000);

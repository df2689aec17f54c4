import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MISSPELT_FILTERS } from '@lamplighter/contracts/misspelt-topics';
import { FILTERS } from '@lamplighter/contracts/topics';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { connectDevice } from '../device.js';
import { connectMqtt, type TestClient } from '../mqtt-client.js';
import { startBroker, type TestBroker, type TestFleet } from './broker.js';

let broker: TestBroker;
let fleet: TestFleet;
beforeAll(async () => {
  broker = await startBroker();
  fleet = await broker.newFleet();
});

describe('broker', () => {
  it('delivers a reading to the service and a command to the device', async () => {
    const rules = await connectMqtt(broker.rulesUrl);
    await rules.subscribe('+/telemetry/#');
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 299 });
    const { topic, payload } = await rules.next();
    expect([topic, payload.toString()]).toEqual([`${fleet.name}/telemetry/lamp-0001`, '{"light":299}']);
    await rules.publish(`${fleet.name}/commands/lamp-0001`, { led_on: true });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
  });

  it.each([
    ['an unknown user', (url: string) => url.replace('//', '//unknown:x@')],
    ['a wrong password', (url: string) => url.replace('//', '//rules:wrong@')],
    ['an anonymous client', (url: string) => url],
  ])('refuses %s', async (_who, urlOf) => {
    await expect(connectMqtt(urlOf(broker.url))).rejects.toThrow(/authori[sz]ed/i);
  });

  it.each([
    ['the account of the rules service at the device listener', () => [broker.rulesUrl, broker.url] as const],
    ['the account of a fleet at the services’ listener', () => [fleet.url, broker.rulesUrl] as const],
  ])('refuses %s', async (_what, urls) => {
    const [account, listener] = urls().map((url) => new URL(url));
    account!.port = listener!.port;
    await expect(connectMqtt(account!.href)).rejects.toThrow(/authori[sz]ed/i);
  });

  it('accepts a fleet that is added while it is running, and keeps other clients connected', async () => {
    const before = await connectMqtt(fleet.url);
    const added = await broker.newFleet();
    await connectMqtt(added.url);
    expect(before.connected()).toBe(true);
  });

  it('keeps port and accounts across a crash', async () => {
    const own = await startBroker();
    const { name, url } = await own.newFleet();
    await own.kill();
    expect(own.running).toBe(false);
    await expect(connectMqtt(url, { connectTimeout: 1000 })).rejects.toThrow();
    await own.start();
    await connectDevice({ name, url });
  });
});

// An MQTT 5 broker responds "not authorized" to a forbidden publish.
const publishResult = (client: TestClient, topic: string) =>
  client.publish(topic, { probe: true }).then(
    () => 'allowed',
    (error: Error) => (/not authori[sz]ed/i.test(error.message) ? 'denied' : `failed: ${error.message}`),
  );

describe('access list', () => {
  let observer: TestClient;
  let owner: TestClient;
  beforeAll(async () => {
    // The account of the service receives what fleets may publish; the fleet's account receives what a device may read.
    observer = await connectMqtt(broker.rulesUrl, { clientId: 'observer' });
    for (const filter of [...Object.values(FILTERS), ...MISSPELT_FILTERS]) await observer.subscribe(filter);
    owner = await connectMqtt(fleet.url);
    for (const filter of ['#', '$SYS/#']) await owner.subscribe(filter);
  });

  it.each([
    ['allowed', 'own/telemetry/d'],
    ['allowed', 'own/telemetry'],
    ['allowed', 'own/acknowledgements/d'],
    ['allowed', 'own/presence/d'],
    ['denied', 'own/commands/d'],
    ['denied', 'own/commands'],
    ['denied', 'own/receipts/d'],
    ['denied', 'own/state/d'],
    ['allowed', 'own/telemetry/d/deeper'],
    ['allowed', 'own/presence/d/deeper'],
    ['allowed', 'own/acknowledgements'],
    ['allowed', 'own/telemtry/d'],
    ['allowed', 'own/telemtry'],
    ['allowed', '/own/commands/d'],
    ['denied', '//own/telemetry/d'],
    ['denied', '/other/telemetry/d'],
    ['denied', 'other/telemtry/d'],
    ['denied', 'own/elsewhere/d'],
    ['denied', 'other/telemetry/d'],
    ['denied', 'other/telemetry'],
    ['denied', 'other/acknowledgements/d'],
    ['denied', 'other/presence/d'],
    ['denied', 'lamplighter-canary/telemetry/d'],
    ['denied', '$SYS/broker/version'],
  ])('a fleet is %s to publish to %s', async (expected, topic) => {
    const device = await connectMqtt(fleet.url);
    expect(await publishResult(device, topic.replace('own', fleet.name))).toBe(expected);
  });

  it.each([
    ['allowed', 'any/commands/d'],
    ['allowed', 'any/commands'],
    ['allowed', 'any/receipts/d'],
    ['allowed', 'any/state/d'],
    ['allowed', 'lamplighter-canary/telemetry/replica'],
    ['denied', 'any/telemetry/d'],
    ['denied', 'any/telemetry'],
    ['denied', 'any/acknowledgements/d'],
    ['allowed', 'any/presence/d'],
  ])('the rules service is %s to publish to %s', async (expected, topic) => {
    expect(await publishResult(observer, topic)).toBe(expected);
  });

  it('contains exactly the misspelt topics of the contract', () => {
    const lines = readFileSync(join(REPOSITORY, 'mosquitto/acl'), 'utf8').split('\n');
    const after = (prefix: string) => lines.slice(lines.findIndex((line) => line.startsWith(prefix)) + 1);
    const read = after('# Misspelt topics, as below').slice(0, MISSPELT_FILTERS.length + 1);
    expect(read).toEqual([...MISSPELT_FILTERS.map((filter) => `topic read ${filter}`), '']);
    const own = MISSPELT_FILTERS.map((filter) => (filter === '/#' ? '/%u/#' : filter.replace('+', '%u')));
    const written = after('# Misspelt topics, from ').filter((line) => !line.startsWith('#'));
    expect(written).toEqual([...own.map((filter) => `pattern write ${filter}`), '']);
  });

  it('allows a fleet to read only its own commands and receipts, whatever it subscribes to', async () => {
    const other = await broker.newFleet();
    const rules = await connectMqtt(broker.rulesUrl);
    const neighbour = await connectMqtt(other.url);
    await neighbour.publish(`${other.name}/telemetry/d`, { light: 1 });
    await neighbour.publish(`${other.name}/presence/d`, { online: true });
    await rules.publish(`${other.name}/commands/d`, { led_on: true });
    await rules.publish(`${other.name}/receipts/d`, { stored: [1] });
    const mine = [`${fleet.name}/commands`, `${fleet.name}/commands/d`, `${fleet.name}/receipts/d`];
    for (const topic of mine) await rules.publish(topic, { mine: true });
    await owner.next(({ topic }) => topic === mine.at(-1));
    expect(owner.received.map(({ topic }) => topic)).toEqual(mine);
  });

  it('allows the service to read every fleet', async () => {
    const other = await broker.newFleet();
    const device = await connectMqtt(other.url);
    for (const kind of ['telemetry', 'acknowledgements', 'presence'])
      await device.publish(`${other.name}/${kind}/d`, {});
    await device.publish(`${other.name}/telemetry`, {});
    await observer.next(({ topic }) => topic === `${other.name}/telemetry`);
    expect(observer.received.filter(({ topic }) => topic.startsWith(other.name))).toHaveLength(4);
  });
});

describe('reader account', () => {
  it('reads telemetry, state and presence of its fleet alongside other readers, and publishes nothing', async () => {
    const reader = await connectMqtt(await broker.newReader(fleet.name));
    const another = await connectMqtt(await broker.newReader(fleet.name));
    const rules = await connectMqtt(broker.rulesUrl);
    const other = await broker.newFleet();
    for (const client of [reader, another]) await client.subscribe('#');
    const [device, otherDevice] = [await connectMqtt(fleet.url), await connectMqtt(other.url)];
    await otherDevice.publish(`${other.name}/telemetry/d`, {});
    await rules.publish(`${fleet.name}/commands/d`, {});
    await rules.publish(`${fleet.name}/receipts/d`, {});
    const topics = ['telemetry/d', 'telemetry', 'presence/d'].map((rest) => `${fleet.name}/${rest}`);
    for (const topic of topics) await device.publish(topic, {});
    await rules.publish(`${fleet.name}/state/d`, {});
    for (const { next, received } of [reader, another]) {
      await next(({ topic }) => topic === `${fleet.name}/state/d`);
      expect(received.map(({ topic }) => topic)).toEqual([...topics, `${fleet.name}/state/d`]);
    }
    for (const topic of ['telemetry/d', 'commands/d', 'state/d', 'presence/d', 'claims/d'])
      for (const tree of [fleet.name, `${fleet.name}.reader`])
        expect(await publishResult(reader, `${tree}/${topic}`)).toBe('denied');
  });
});

describe('lesson mode', () => {
  it('refuses anonymous clients at the listener of the services', async () => {
    const own = await startBroker({ lesson: true });
    const { port } = new URL(own.rulesUrl);
    await expect(connectMqtt(`mqtt://127.0.0.1:${port}`)).rejects.toThrow(/authori[sz]ed/i);
  });

  it('allows anonymous clients only the lesson topics of any fleet', async () => {
    const own = await startBroker({ lesson: true });
    const rules = await connectMqtt(own.rulesUrl);
    for (const filter of [...Object.values(FILTERS), ...MISSPELT_FILTERS]) await rules.subscribe(filter);
    const device = await connectMqtt(own.fleetUrl('demo'));
    const student = await connectMqtt(own.url, { protocolVersion: 4 });
    for (const filter of ['#', '$SYS/#']) await student.subscribe(filter);
    const allowed = ['s1/telemetry', 's1/telemetry/d', 's1/commands', 's1/commands/d'];
    const forbidden = [
      's1/presence/d',
      's1/acknowledgements/d',
      's1/receipts/d',
      's1/state/d',
      's1/claims/d',
      's1/elsewhere',
      'lamplighter-canary/telemetry/replica',
      'lamplighter-canary/telemetry',
    ];
    // Reported by the service, the only reader.
    const wrong = ['s1/telemetry/d/deeper', 's1/telemtry', '/s1/telemetry/d'];
    for (const topic of [...forbidden, ...allowed, ...wrong]) await student.publish(topic, '{}');
    await rules.publish('s1/receipts/d', '{}');
    await rules.publish('lamplighter-canary/telemetry/replica', '{}');
    await device.publish('demo/presence/d', '{}');
    await rules.publish('s1/commands/last', '{}');
    await student.next(({ topic }) => topic === 's1/commands/last');
    expect(student.received.map(({ topic }) => topic)).toEqual([...allowed, 's1/commands/last']);
    const received = rules.received.map(({ topic }) => topic).filter((topic) => /^\/?s1\//.test(topic));
    expect(received).toEqual(['s1/telemetry', 's1/telemetry/d', ...wrong]);
  });
});

import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { startScriptedBroker } from '../../test/scripted-broker.js';
import { encodePubacks, encodePublish } from './frames.js';
import type { MqttMessage, PublishOutcome } from './messages.js';
import { MqttLink } from './mqtt-link.js';

let broker: TestBroker;
let fleet: TestFleet;
beforeAll(async () => {
  broker = await startBroker();
  fleet = await broker.newFleet();
});

let links = 0;
/** A link that collects messages without acknowledging them. */
async function openLink(
  filters: string[],
  { url = broker.rulesUrl, clean = true, name = `link-${++links}` } = {},
) {
  const messages: MqttMessage[] = [];
  const changes: string[] = [];
  const link = new MqttLink(
    {
      url,
      clientId: `lamplighter-test-${name}`,
      filters: filters.map((filter) => ({ filter, includesRetained: false })),
      clean,
    },
    {
      onMessage: (message) => messages.push(message),
      afterRead: () => undefined,
      onUp: () => changes.push('up'),
      onDown: (reason, isRefused) => changes.push(isRefused ? `refused: ${reason}` : reason),
    },
  );
  closeLater(`link ${name}`, () => link.close());
  const texts = () => messages.map(({ payload }) => payload.toString());
  return { link, messages, changes, texts };
}
const isUp = ({ link }: { link: MqttLink }) => until(() => link.isUp, { what: 'the link to be up' });
const telemetryOf = ({ name }: TestFleet) => [`$share/${name}/${name}/telemetry/#`];

describe('MqttLink', () => {
  it('delivers raw messages and sends PUBACKs only when they are acknowledged', async () => {
    const opened = await openLink([`${fleet.name}/telemetry/#`], { clean: false, name: 'durable' });
    await isUp(opened);
    const lamp = await connectDevice(fleet);
    await lamp.sendReading({ light: 1 });
    await lamp.sendReading({ light: 2 });
    await until(() => opened.messages.length === 2, { what: 'both messages' });
    opened.link.acknowledge(opened.messages.slice(0, 1));
    await opened.link.close();
    // The session is persistent, so the broker redelivers exactly the messages without PUBACK.
    const again = await openLink([`${fleet.name}/telemetry/#`], { clean: false, name: 'durable' });
    await until(() => again.messages.length > 0, { what: 'the redelivery' });
    expect(again.texts()).toEqual(['{"light":2}']);
    again.link.acknowledge(again.messages);
  });

  it('passes payloads with "data", "pattern" and "id" unchanged', async () => {
    const opened = await openLink(telemetryOf(fleet));
    await isUp(opened);
    const lamp = await connectDevice(fleet, 'raw');
    const payloads = ['{"id":1,"data":{"x":1}}', '{"pattern":"p","data":1}', '', '\u0000\u00ff'];
    for (const payload of payloads) await lamp.publish(`${fleet.name}/telemetry/raw`, payload);
    await until(() => opened.messages.length === payloads.length, { what: 'all messages' });
    expect(opened.texts()).toEqual(payloads);
  });

  it('stops reading at the in-flight limit, keeps the connection, and resumes', async () => {
    const opened = await openLink(telemetryOf(fleet));
    await isUp(opened);
    const lamp = await connectDevice(fleet, 'flood');
    const big = 'x'.repeat(200_000);
    const sent = 120; // 24 MB, more than a link holds
    const published = Array.from({ length: sent }, () => lamp.publish(`${fleet.name}/telemetry/flood`, big));
    await until(() => opened.link.backpressureMs > 0, { what: 'back-pressure' });
    expect(opened.messages.length).toBeLessThan(sent);
    await until(
      () => {
        const { messages, link } = opened;
        link.acknowledge(messages.slice(messages.length - link.inFlightMessages));
        return messages.length === sent;
      },
      { what: 'all messages' },
    );
    await Promise.all(published);
    expect(opened.changes).toEqual(['up']);
  });

  it('returns the reason code of the PUBACK: success, or no subscriber', async () => {
    const opened = await openLink([]);
    await isUp(opened);
    const lamp = await connectDevice(fleet, 'there');
    const outcomeOf = (device: string) =>
      new Promise<PublishOutcome>((resolve) =>
        opened.link.publish(`${fleet.name}/commands/${device}`, '{"led_on":true}', 60, resolve),
      );
    expect(await outcomeOf('there')).toBe(0);
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    expect(await outcomeOf('offline')).toBe(16);
  });

  it('publishes more messages than the receive maximum, in order', async () => {
    const opened = await openLink([]);
    await isUp(opened);
    const lamp = await connectDevice(fleet, 'many');
    const count = 5000;
    const outcomes: PublishOutcome[] = [];
    for (let n = 0; n < count; n += 1) {
      opened.link.publish(`${fleet.name}/commands/many`, JSON.stringify({ n }), 60, (outcome) =>
        outcomes.push(outcome),
      );
    }
    await until(() => lamp.commands().length === count && outcomes.length === count, {
      what: 'all commands',
    });
    expect(new Set(outcomes)).toEqual(new Set([0]));
    expect(lamp.commands().map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it('drops publishes that have waited for the broker almost as long as a lease', async () => {
    const own = await startBroker();
    const { name } = await own.newFleet();
    const opened = await openLink([], { url: own.rulesUrl });
    await isUp(opened);
    own.pause();
    const count = 2100; // more than the receive maximum
    const outcomes: PublishOutcome[] = [];
    for (let n = 0; n < count; n += 1)
      opened.link.publish(`${name}/commands/many`, '{}', 60, (outcome) => outcomes.push(outcome));
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 4100, {
      what: 'the wait to be too long',
      everyMs: 100,
    });
    own.resume();
    await until(() => outcomes.length === count, { what: 'all outcomes' });
    const lost = outcomes.filter((outcome) => outcome === 'lost').length;
    expect([new Set(outcomes), lost > 0]).toEqual([new Set([16, 'lost']), true]);
    const again = await new Promise<PublishOutcome>((resolve) =>
      opened.link.publish(`${name}/commands/many`, '{}', 60, resolve),
    );
    expect(again).toBe(16);
  });

  it('subtracts the time that a publish has waited from its expiry', async () => {
    const own = await startBroker();
    const { name, url } = await own.newFleet();
    const opened = await openLink([], { url: own.rulesUrl });
    await isUp(opened);
    const lamp = await connectMqtt(url);
    await lamp.subscribe(`${name}/commands/many`);
    own.pause();
    const count = 2100; // the last ones exceed the receive maximum
    const outcomes: PublishOutcome[] = [];
    for (let n = 0; n < count; n += 1) {
      const payload = JSON.stringify({ n });
      opened.link.publish(`${name}/commands/many`, payload, 60, (outcome) => outcomes.push(outcome));
    }
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 2100, { what: 'two seconds', everyMs: 100 });
    own.resume();
    await until(() => outcomes.length === count, { what: 'all outcomes' });
    const accepted = outcomes.filter((outcome) => outcome === 0).length;
    await until(() => lamp.received.length === accepted, { what: 'all accepted messages' });
    const left = lamp.received
      .filter(({ payload }) => (JSON.parse(payload.toString()) as { n: number }).n >= 2050)
      .map(({ packet }) => packet.properties?.messageExpiryInterval ?? 60);
    expect(left.filter((seconds) => seconds > 58)).toEqual([]);
  });

  it('reports an outage once, loses publishes meanwhile, and reconnects', async () => {
    const own = await startBroker();
    const opened = await openLink(['+/telemetry/#'], { url: own.rulesUrl });
    await isUp(opened);
    await own.kill();
    await until(() => !opened.link.isUp, { what: 'the link to notice' });
    const outcome = await new Promise((resolve) => opened.link.publish('a/commands/b', '{}', 5, resolve));
    expect(outcome).toBe('lost');
    await own.start();
    await isUp(opened);
    expect(opened.changes).toEqual(['up', expect.any(String), 'up']);
    const other = await own.newFleet();
    await (await connectDevice(other)).sendReading({ light: 3 });
    await until(() => opened.texts().includes('{"light":3}'), { what: 'telemetry after the restart' });
  });

  it('reports wrong credentials with their reason', async () => {
    const opened = await openLink(['+/telemetry/#'], { url: broker.rulesUrl.replace(/:[^:@]*@/, ':wrong@') });
    await until(() => opened.changes.length > 0, { what: 'a reason' });
    expect(opened.changes[0]).toMatch(/^refused: .*(not authorized|bad user)/i);
  });

  it('backs off when two links use the same client id, and reports it', async () => {
    const twin = () => openLink(['twins/telemetry/+'], { clean: false, name: 'twin' });
    const twins = await Promise.all([twin(), twin()]);
    const startedAt = performance.now();
    const changes = () => twins.flatMap((one) => one.changes);
    const ups = () => changes().filter((change) => change === 'up').length;
    await until(() => ups() >= 12, { what: 'ten takeovers', timeoutMs: 30_000 });
    // Each link has reconnected five times, after at least 50, 100, 200, 400 and 800 ms: 3.1 s in total, because they alternate. Without
    // back-off it would be ten times 250 ms at most.
    expect(performance.now() - startedAt).toBeGreaterThan(3000);
    expect(changes()).toContainEqual(
      expect.stringMatching(/, repeatedly soon after connecting; another client may use its client id$/),
    );
  }, 40_000);

  it('leaves later messages to other links after stopIntake', async () => {
    const filter = telemetryOf(fleet);
    const leaving = await openLink(filter);
    const staying = await openLink(filter);
    await isUp(leaving);
    await isUp(staying);
    await leaving.link.stopIntake();
    const lamp = await connectDevice(fleet, 'on-the-move');
    for (let light = 0; light < 20; light += 1) await lamp.sendReading({ light });
    await until(() => staying.messages.length === 20, { what: 'all messages at the other link' });
    expect(leaving.messages).toHaveLength(0);
  });
});

describe('MqttLink with a scripted broker', () => {
  it('respects the receive maximum and drops publishes beyond the queue limit', async () => {
    const { url, peers } = await startScriptedBroker({ receiveMaximum: 2 });
    const opened = await openLink([], { url });
    await isUp(opened);
    const outcomes: PublishOutcome[] = [];
    for (let n = 0; n < 2 + 10_000 + 3; n += 1)
      opened.link.publish('a/commands/b', '{}', 60, (outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual(['lost', 'lost', 'lost']);
    const [peer] = peers;
    await until(() => peer!.published.length === 2, { what: 'publishes up to the receive maximum' });
    peer!.send(encodePubacks(peer!.published.slice(0, 1)));
    await until(() => peer!.published.length === 3, { what: 'the next one' });
    expect(outcomes.slice(3)).toEqual([0]);
  });

  it('bounds the buffer of QoS 0 publishes to a broker that does not read', async () => {
    const { url, peers } = await startScriptedBroker();
    const opened = await openLink([], { url });
    const payload = 'x'.repeat(200_000);
    const publish = () => opened.link.publishQos0('a/receipts/b', payload, 60);
    expect(publish()).toBe(false); // not connected yet
    await isUp(opened);
    let sent = 0;
    while (sent < 1000 && publish()) sent += 1;
    expect(sent * payload.length).toBeGreaterThan(15_000_000);
    expect(sent * payload.length).toBeLessThan(20_000_000);
    await until(() => peers[0]!.published.length === sent, { what: 'the broker to have read all of it' });
    await until(publish, { what: 'room' });
  });

  it('sends a PUBACK only on the connection that delivered the message', async () => {
    const { url, peers } = await startScriptedBroker();
    const opened = await openLink(['x/telemetry/#'], { url, clean: false, name: 'reconnected' });
    await isUp(opened);
    peers[0]!.send(encodePublish(7, 'x/telemetry/lamp', '{}', 60));
    await until(() => opened.messages.length === 1, { what: 'the message' });
    peers[0]!.cut();
    await until(() => peers.length === 2 && opened.link.isUp, { what: 'the next connection' });
    opened.link.acknowledge(opened.messages);
    peers[1]!.send(encodePublish(8, 'x/telemetry/lamp', '{}', 60));
    await until(() => opened.messages.length === 2, { what: 'the next message' });
    opened.link.acknowledge(opened.messages.slice(1));
    await until(() => peers[1]!.acknowledged.length > 0, { what: 'its acknowledgement' });
    expect(peers[1]!.acknowledged).toEqual([8]);
  });
});

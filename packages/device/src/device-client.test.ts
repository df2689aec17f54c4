import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { startBroker, type TestBroker } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { LAMP, nextMessage, sendCommand, setUpDevice, untilOnline } from '../test/device-on-broker.js';
import { parseBrokerUrl } from './connection/broker.js';

describe('DeviceClient', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('publishes a retained birth, and then receives commands', async () => {
    const { fleet, service, device, executed } = await setUpDevice(broker);
    device.start();
    expect(await nextMessage(service, fleet, 'presence')).toEqual({
      online: true,
      session: expect.any(Number),
      boot: expect.stringMatching(/^\w{18}$/),
      at: expect.any(Number),
      telemetry: 'latest',
    });
    await sendCommand(service, fleet, { led_on: true });
    await until(() => executed.length, { what: 'the command' });
    const late = await connectMqtt(broker.rulesUrl);
    await late.subscribe(deviceTopic(fleet.name, 'presence', LAMP));
    expect((await late.next()).packet.retain).toBe(true);
  });

  it('publishes readings with a growing _seq and the device time', async () => {
    const { fleet, service, device } = await setUpDevice(broker);
    expect(await device.publish({ light: 1 })).toBe('offline');
    device.start();
    await untilOnline(device);
    expect(await Promise.all([device.publish({ light: 412 }), device.publish({ light: 299 })])).toEqual([
      'acknowledged',
      'acknowledged',
    ]);
    const [first, second] = [
      await nextMessage(service, fleet, 'telemetry'),
      await nextMessage(service, fleet, 'telemetry'),
    ];
    // The first reading was dropped because the device was offline.
    expect(first).toEqual({
      light: 412,
      _seq: expect.any(Number),
      _at: expect.any(Number),
      _n: 2,
      _dropped: 1,
    });
    expect(second._seq).toBeGreaterThan(first._seq as number);
    expect(Number.isSafeInteger(second._seq)).toBe(true);
  });

  it.each([
    [0, 'sent'],
    [2, 'acknowledged'],
  ] as const)('publishes at QoS %i: %s', async (qos, outcome) => {
    const { fleet, service, device } = await setUpDevice(broker, { qos });
    device.start();
    await untilOnline(device);
    expect(await device.publish({ light: 5 })).toBe(outcome);
    expect(await nextMessage(service, fleet, 'telemetry')).toMatchObject({ light: 5 });
  });

  it('limits readings in flight and their size, and reports drops', async () => {
    const { device } = await setUpDevice(broker, { window: 2 });
    device.start();
    await untilOnline(device);
    expect(await device.publish({ text: 'x'.repeat(20_000) })).toBe('too_large');
    const outcomes = await Promise.all([1, 2, 3].map((light) => device.publish({ light })));
    expect(outcomes).toEqual(['acknowledged', 'acknowledged', 'window_full']);
  });

  it('announces how long it sleeps', async () => {
    const { fleet, service, device } = await setUpDevice(broker, { sleeps: 60_000 });
    device.start();
    expect(await nextMessage(service, fleet, 'presence')).toMatchObject({ online: true, sleeps: 60_000 });
  });

  it('publishes a goodbye on close, and its will is published after a loss', async () => {
    const { fleet, service, device } = await setUpDevice(broker);
    device.start();
    const birth = await nextMessage(service, fleet, 'presence');
    await untilOnline(device);
    // A second client with the same id takes over the connection.
    const duplicate = await connectMqtt(fleet.url, { clientId: `${fleet.name}.${LAMP}` });
    expect(await nextMessage(service, fleet, 'presence')).toEqual({ online: false, session: birth.session });
    await duplicate.close();
    const rebirth = await nextMessage(service, fleet, 'presence');
    expect(rebirth).toMatchObject({ online: true });
    expect(rebirth.session).toBeGreaterThan(birth.session as number);
    await device.close();
    expect(await nextMessage(service, fleet, 'presence')).toEqual({
      online: false,
      session: rebirth.session,
    });
    expect(device.online).toBe(false);
  });

  it('distinguishes a refused connection from an outage', async () => {
    const { fleet, device, events } = await setUpDevice(broker, {
      broker: { ...parseBrokerUrl(broker.url), username: 'demo', password: 'wrong' },
    });
    device.start();
    const event = await until(() => events[0], { what: 'the refusal' });
    expect(event).toMatchObject({
      event: 'offline',
      cause: 'refused',
      reason: expect.stringMatching(/authori[sz]ed/i),
    });
    expect(fleet.url).not.toContain('wrong');
  });

  it('reports a birth that the broker refuses', async () => {
    const { events, device } = await setUpDevice(broker, { fleet: 'foreign' });
    device.start();
    const event = await until(() => events[0], { what: 'the refusal' });
    expect(event).toMatchObject({
      event: 'offline',
      cause: 'refused',
      reason: expect.stringMatching(/birth/),
    });
  });
});

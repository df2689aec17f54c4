import type { Acknowledgement, CommandEnvelope } from '@lamplighter/contracts/commands/command';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connectAsync } from 'mqtt';
import {
  envelope,
  LAMP,
  nextMessage,
  sendCommand,
  setUpDevice,
  untilOnline,
} from '../test/device-on-broker.js';
import { AcknowledgeAfterRestart, type Execute } from './commands/execute-command.js';
import { parseBrokerUrl } from './connection/broker.js';
import { DeviceClient } from './device-client.js';
import { MemoryStorage } from './storage/storage.js';

const YEAR = 365 * 24 * 3_600_000;

describe('commands of DeviceClient', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('acknowledges a command and executes a repeated one once', async () => {
    const { fleet, service, device, executed } = await setUpDevice(broker);
    device.start();
    await untilOnline(device);
    await sendCommand(service, fleet, { led_on: true }, envelope('c1'));
    await sendCommand(service, fleet, { led_on: true }, envelope('c1', { attempt: 2 }));
    const statuses: Acknowledgement['status'][] = [];
    while (statuses.length < 3) {
      const acknowledgement = await nextMessage(service, fleet, 'acknowledgements');
      expect(acknowledgement.id).toBe('c1');
      statuses.push(acknowledgement.status as Acknowledgement['status']);
    }
    expect(statuses).toEqual(['acknowledged', 'succeeded', 'succeeded']);
    expect(executed).toEqual([{ led_on: true }]);
  });

  it('resends an acknowledgement that had no subscriber', async () => {
    const { fleet, service, device, executed, events } = await setUpDevice(broker);
    device.start();
    await untilOnline(device);
    await service.close();
    const server = await connectMqtt(broker.rulesUrl);
    await sendCommand(server, fleet, { led_on: true }, envelope('c1'));
    await until(() => events.some(({ event }) => event === 'answered'), { what: 'the acknowledgement' });
    await device.publish({ light: 1 }); // sent after the acknowledgement
    await server.subscribe(deviceTopic(fleet.name, 'acknowledgements', LAMP));
    expect(await nextMessage(server, fleet, 'acknowledgements')).toEqual({ id: 'c1', status: 'succeeded' });
    expect(executed).toEqual([{ led_on: true }]);
  });

  it('rejects an expired command', async () => {
    const { fleet, service, device, executed } = await setUpDevice(broker);
    device.start();
    await untilOnline(device);
    await sendCommand(service, fleet, { led_on: true }, envelope('c1', { expiresAt: Date.now() - 1 }));
    expect(await nextMessage(service, fleet, 'acknowledgements')).toEqual({
      id: 'c1',
      status: 'rejected',
      reason: 'expired',
    });
    expect(executed).toEqual([]);
  });

  it.each([
    ['a year ahead', YEAR],
    ['a year behind', -YEAR],
    ['a minute ahead', 60_000],
    ['a minute behind', -60_000],
    ['correct', 0],
  ])(
    "executes unexpired commands and rejects expired ones by the server's clock, if its own is %s",
    async (_, error) => {
      const { fleet, device, executed, service } = await setUpDevice(broker, {
        clock: () => Date.now() + error,
      });
      const rules = await connectAsync(broker.rulesUrl, { protocolVersion: 5, reconnectPeriod: 0 });
      closeLater('rules', () => rules.endAsync());
      /** Sends a command as the service does. The broker counts down the message expiry. */
      const send = (cmd: CommandEnvelope, messageExpiryInterval: number) =>
        rules.publishAsync(
          deviceTopic(fleet.name, 'commands', LAMP),
          JSON.stringify({ led_on: true, _cmd: cmd }),
          { qos: 1, properties: { messageExpiryInterval } },
        );
      device.start();
      await untilOnline(device);
      // After this PUBACK, a command that arrives has not been waiting at the broker for long.
      await device.publish({ light: 1 });
      await send(envelope('fresh', { seq: 1, expiresAt: Date.now() + 30_000 }), 30);
      await until(() => executed.length === 1, { what: 'the fresh command' });
      await send(envelope('late', { seq: 2, expiresAt: Date.now() - 5000 }), 30);
      const acknowledgements: unknown[] = [];
      while (acknowledgements.length < 3)
        acknowledgements.push(await nextMessage(service, fleet, 'acknowledgements'));
      // By its expiry alone, the late command could be recent; the fresh command before it shows the server's time.
      expect(acknowledgements.at(-1)).toEqual({ id: 'late', status: 'rejected', reason: 'expired' });
      expect(executed).toHaveLength(1);
    },
  );

  it('rejects a command that a newer one of its lane has overtaken', async () => {
    const { fleet, service, device, executed } = await setUpDevice(broker);
    device.start();
    await untilOnline(device);
    await sendCommand(service, fleet, { led_on: false }, envelope('off', { seq: 8 }));
    await sendCommand(service, fleet, { led_on: true }, envelope('on', { seq: 7 }));
    const acknowledgements = [];
    while (acknowledgements.length < 3)
      acknowledgements.push(await nextMessage(service, fleet, 'acknowledgements'));
    expect(acknowledgements).toContainEqual({ id: 'on', status: 'rejected', reason: 'overtaken' });
    expect(executed).toEqual([{ led_on: false }]);
  });

  it('acknowledges a restart, and interrupted commands, after the restart', async () => {
    const storage = new MemoryStorage();
    let programEnded = false;
    const execute: Execute = (action) =>
      action.reboot === true
        ? new AcknowledgeAfterRestart(() => {
            programEnded = true;
          })
        : new Promise(() => {});
    const { fleet, service, device } = await setUpDevice(broker, { storage, execute });
    device.start();
    await untilOnline(device);
    await sendCommand(service, fleet, { dig: true }, envelope('long', { lane: 'dig' }));
    await sendCommand(service, fleet, { reboot: true }, envelope('boot', { lane: 'boot' }));
    await until(() => programEnded, { what: 'the restart' });
    await device.close();
    const back = new DeviceClient({
      broker: parseBrokerUrl(fleet.url),
      fleet: fleet.name,
      device: LAMP,
      storage,
      execute,
    });
    closeLater('device', () => back.close());
    back.start();
    const acknowledgements = [];
    while (acknowledgements.length < 4)
      acknowledgements.push(await nextMessage(service, fleet, 'acknowledgements'));
    expect(acknowledgements.slice(2)).toEqual(
      expect.arrayContaining([
        { id: 'boot', status: 'succeeded' },
        { id: 'long', status: 'failed', reason: 'interrupted by a restart' },
      ]),
    );
  });
});

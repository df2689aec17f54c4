import { connect, type Socket } from 'node:net';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { connectLamps } from '../acknowledging-lamps.js';
import { type Stack, startStack } from '../stack.js';

/** Without a bound on packets, this number of announced packets uses up the `memory_limit` of 1 GiB. */
const ANNOUNCING = 553;
/** The fixed header of a CONNECT of 1.99 MB, without the rest of the packet. */
const ANNOUNCED = connectHeader(1_990_000);
/** This number of connections uses up the files of a broker that can open 1024. */
const HALF_OPEN = 1016;

function connectHeader(length: number): Buffer {
  const bytes = [0x10];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 128))
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  return Buffer.from(bytes);
}

/** Opens connections that never log in, a hundred at a time; closes them at the end of the test. */
async function openConnections(port: number, count: number, data: Buffer | undefined): Promise<Socket[]> {
  const sockets: Socket[] = [];
  closeLater('connections', async () => {
    for (const socket of sockets) socket.destroy();
  });
  for (let opened = 0; opened < count; opened += 100) {
    const some = Array.from({ length: Math.min(100, count - opened) }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      sockets.push(socket);
      return new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        socket.once('connect', () => (data === undefined ? resolve() : socket.write(data, () => resolve())));
      });
    });
    await Promise.all(some);
  }
  return sockets;
}

/** Expects that the readings of a fleet are stored and its commands executed. */
async function expectServed(stack: Stack, lamp: string, connectNew: () => Promise<{ name: string }>) {
  const { name } = await connectNew();
  await stack.lastState({ name, url: '' }, lamp, ({ light }) => light === 900);
  const command = await stack.send('POST', `/v1/fleets/${name}/devices/${lamp}/commands`, {
    action: { led_on: true },
  });
  await until(async () => (await stack.get(`/v1/commands/${command.body.id}`)).body.state === 'succeeded', {
    what: `${name}/${lamp} to execute a command`,
  });
}

const reconnects = (stack: Stack) => stack.metric('lamplighter_mqtt_reconnects_total');
const isReady = async ({ rules }: Stack) => (await fetch(`${rules.url}/health/ready`)).ok;

describe('connections that never log in', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);

  const newLamp = async () => {
    const fleet = await stack.broker.newFleet();
    await connectLamps(fleet, [{ device: 'lamp', light: 900, acknowledgement: 'succeeded' }]);
    return fleet;
  };

  it.each([
    ['each announce a large packet', ANNOUNCING, ANNOUNCED],
    ['each announce the largest packet allowed', ANNOUNCING, connectHeader(299_000)],
    ['send nothing', HALF_OPEN, undefined],
  ])(
    'and %s do not affect rules or devices',
    async (_what, count, data) => {
      await openConnections(stack.broker.port, count, data);
      await expectServed(stack, 'lamp', newLamp);
      expect(await isReady(stack)).toBe(true);
      expect(await reconnects(stack)).toBe(0);
      expect(stack.broker.output()).not.toMatch(/out of memory/i);
    },
    60_000,
  );
});

it('connections beyond the limit affect neither the services nor connected devices', async () => {
  const limits = { maxConnections: 50, memoryBytes: 1_073_741_824, openFiles: 150 };
  const stack = await startStack({ limits });
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [{ device: 'lamp', light: 900, acknowledgement: 'succeeded' }]);
  const sockets = await openConnections(stack.broker.port, 80, undefined);
  await expectServed(stack, 'lamp', async () => fleet);
  await connectMqtt(stack.broker.rulesUrl);
  expect(await isReady(stack)).toBe(true);
  expect(await reconnects(stack)).toBe(0);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await connectMqtt(fleet.url)).connected(), {
    what: 'a device to be able to connect',
  });
}, 90_000);

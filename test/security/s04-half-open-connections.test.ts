import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { openFilesLimit } from '../../tools/native/src/servers/broker-limits.js';
import { startStack } from '../system/stack.js';
import { keepOtherFleetGoing } from './other-fleet.js';
import { bytes, CONNECT, openMany, remainingLength } from './wire.js';

/** Fewer if this process may not open as many files. */
const HALF_OPEN = Math.min(10_000, openFilesLimit() - 2000);

it.each<[what: string, data: Buffer[]]>([
  ['send nothing', []],
  [
    'announce the largest packet and send half a login',
    [bytes(CONNECT << 4), remainingLength(299_000), Buffer.alloc(40)],
  ],
])(
  `${HALF_OPEN} connections that %s take nothing from connected devices and services`,
  async (_what, data) => {
    const stack = await startStack();
    const others = await keepOtherFleetGoing(stack);
    const sockets = await openMany(HALF_OPEN, stack.broker.port, ...data);
    const open = () => sockets.filter((socket) => !socket.destroyed).length;
    // The listener takes 3,000, minus those that are in use, and closes the others immediately.
    await until(() => open() <= 3000, {
      what: 'connections beyond the limit to be closed',
      timeoutMs: 60_000,
    });
    await others.expectServed();
    await connectMqtt(stack.broker.rulesUrl);
    expect((await fetch(`${stack.rules.url}/health/ready`, { headers: { connection: 'close' } })).ok).toBe(
      true,
    );
    expect(stack.broker.output()).not.toMatch(/out of memory/i);
    for (const socket of sockets) socket.destroy();
    const fleet = await stack.broker.newFleet();
    await until(async () => (await connectMqtt(fleet.url)).connected(), { what: 'a new device to connect' });
    await others.expectServed();
  },
  180_000,
);

import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** Settles when a device without a birth is online, which its first reading makes it. */
async function waitUntilOnline(lamp: TestDevice): Promise<void> {
  await lamp.sendReading({ temperature: 20 });
  await stack.online(lamp.fleet, lamp.device);
}

describe('API command', () => {
  it('reaches only its device, and is found at its Location', async () => {
    const [fleet, elsewhere] = [await stack.broker.newFleet(), await stack.broker.newFleet()];
    const lamp = await connectDevice(fleet, 'lamp-0001');
    await waitUntilOnline(lamp);
    const others = [await connectDevice(fleet, 'lamp-0002'), await connectDevice(elsewhere, 'lamp-0001')];
    const accepted = await stack.send('POST', `/v1/fleets/${fleet.name}/devices/lamp-0001/commands`, {
      action: { led_on: true },
    });
    expect(accepted.status).toBe(202);
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    const command = await until(
      async () => {
        const { body } = await stack.get(accepted.headers.get('location') ?? '');
        return body.state === 'unknown' && body;
      },
      { what: 'the command to end as unknown, because the device never acknowledges it' },
    );
    expect(command).toMatchObject({ fleet: fleet.name, device: 'lamp-0001', source: 'api', lane: 'led_on' });
    expect(others.flatMap((other) => other.commands())).toEqual([]);
  });

  it('stays pending for an unknown device, and reaches it after its birth', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
    const { body } = await stack.send('POST', `${path}/commands?allowUnknown=true`, {
      action: { led_on: true },
    });
    expect((await stack.get(path)).body).toMatchObject({ presence: 'never_seen', pendingCommands: 1 });
    const lamp = await connectDevice(fleet);
    await lamp.publish(`${fleet.name}/presence/lamp-0001`, { online: true, session: 1 }, { retain: true });
    const { led_on, _cmd } = await lamp.nextCommand();
    expect([led_on, (_cmd as { id: string }).id]).toEqual([true, body.id]);
    expect((_cmd as { attempt: number }).attempt).toBe(1);
  });

  it('is never sent if it was superseded while it was pending', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands?allowUnknown=true`;
    const first = (await stack.send('POST', path, { action: { led_on: true } })).body;
    const last = (await stack.send('POST', path, { action: { led_on: false } })).body;
    expect((await stack.get(`/v1/commands/${first.id}`)).body).toMatchObject({ state: 'superseded' });
    const lamp = await connectDevice(fleet);
    await lamp.publish(`${fleet.name}/presence/lamp-0001`, { online: true, session: 1 }, { retain: true });
    const { _cmd } = await lamp.nextCommand();
    expect((_cmd as { id: string }).id).toBe(last.id);
    expect(lamp.commands()).toHaveLength(1);
  });

  it('is never sent if it was cancelled while it was pending', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands?allowUnknown=true`;
    const { id } = (await stack.send('POST', path, { action: { led_on: true } })).body;
    const cancelled = await until(
      async () => {
        const response = await stack.send('DELETE', `/v1/commands/${id}`);
        return response.status === 200 && response;
      },
      { what: 'the command to be cancelled' },
    );
    expect(cancelled.body).toMatchObject({ id, state: 'cancelled' });
    const lamp = await connectDevice(fleet);
    await lamp.publish(`${fleet.name}/presence/lamp-0001`, { online: true, session: 1 }, { retain: true });
    const { id: marker } = (await stack.send('POST', path, { action: { marker: 1 } })).body;
    const { _cmd } = await lamp.nextCommand();
    expect((_cmd as { id: string }).id).toBe(marker);
  });
});

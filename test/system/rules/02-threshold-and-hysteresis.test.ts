import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { addReplica } from '../replicas.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

async function announcedLamp() {
  const fleet = await stack.broker.newFleet();
  return { fleet, lamp: await connectAnnounced(stack, fleet) };
}

describe('the night-light rule', () => {
  it('switches the lamp on below 300 and off from 300, and sends no other commands', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    for (const light of [299, 120, 0]) await lamp.sendReading({ light });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    for (const light of [300, 301, 1023]) await lamp.sendReading({ light });
    expect(await lamp.nextCommand()).toEqual({ led_on: false });
    await lamp.sendReading({ light: 299 });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    expect(lamp.commands()).toHaveLength(3);
  });

  it('sends `_cmd` to an announced device, and records its acknowledgements', async () => {
    const { lamp } = await announcedLamp();
    await lamp.sendReading({ light: 12 });
    const { led_on, _cmd } = await lamp.nextCommand();
    expect(led_on).toBe(true);
    expect(_cmd).toMatchObject({
      lane: 'led_on',
      seq: expect.any(Number),
      attempt: 1,
      expiresAt: expect.any(Number),
    });
    const { id } = _cmd as { id: string };
    await acknowledge(lamp, id, 'acknowledged');
    await acknowledge(lamp, id, 'succeeded');
    const command = await until(
      async () => {
        const { body } = await stack.get(`/v1/commands/${id}`);
        return body.state === 'succeeded' && body;
      },
      { what: 'the command to succeed' },
    );
    expect(command).toMatchObject({
      source: 'rule',
      rule: 'night-light',
      action: { led_on: true },
      policy: 'latest',
    });
    expect(command.transitions.map(({ state }: { state: string }) => state)).toEqual([
      'pending',
      'dispatched',
      'acknowledged',
      'succeeded',
    ]);
  });

  it('keeps its state when the rules service restarts, so it does not repeat its last command', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const own = await addReplica(stack);
    await lamp.sendReading({ light: 10, _seq: 10 });
    await lamp.nextCommand();
    await own.stop();
    await addReplica(stack);
    // Replicas share these readings and can store them in any order: `_seq` shows which one is the newest.
    for (const light of [11, 12, 13, 500]) await lamp.sendReading({ light, _seq: light });
    expect(await lamp.nextCommand()).toEqual({ led_on: false });
    expect(lamp.commands()).toHaveLength(2);
  }, 60_000);

  it('decides once, even if several replicas share the telemetry', async () => {
    await addReplica(stack);
    const { fleet, lamp } = await announcedLamp();
    let _seq = 0;
    for (const [light, led_on] of [
      [100, true],
      [800, false],
      [100, true],
      [800, false],
    ] as const) {
      for (let i = 0; i < 20; i += 1) await lamp.sendReading({ light, _seq: ++_seq });
      const command = await lamp.nextCommand();
      expect(command.led_on).toBe(led_on);
      await acknowledge(lamp, idOf(command), 'succeeded');
    }
    await until(
      async () => {
        const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001`);
        return body.last.seq === _seq && body.pendingCommands === 0;
      },
      { what: 'all readings to be stored and all commands to end' },
    );
    expect(lamp.commands()).toHaveLength(4);
  }, 60_000);
});

it('a rule supersedes a pending API command, and a request that waits for that command returns', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands`;
  const { body } = await stack.send('POST', `${path}?allowUnknown=true`, { action: { led_on: true } });
  expect(body).toMatchObject({ state: 'pending' });
  const waiting = stack.send('GET', `/v1/commands/${body.id}`, undefined, { prefer: 'wait=30' });
  const sensor = await connectMqtt(fleet.url, { clientId: `${fleet.name}.lamp-0001` });
  await sensor.publish(`${fleet.name}/telemetry/lamp-0001`, { light: 500 });
  expect((await waiting).body).toMatchObject({ id: body.id, state: 'superseded' });
}, 25_000);

describe('a custom rules file', () => {
  it('seeds only the fleets that it names, and mode "every" sends a command for each reading', async () => {
    const inside = await stack.broker.newFleet();
    const outside = await stack.broker.newFleet();
    const folder = mkdtempSync(join(tmpdir(), 'rules-'));
    closeLater('rules file', () => rmSync(folder, { recursive: true }));
    const file = join(folder, 'rules.json');
    const rule = {
      id: 'fan',
      fleets: [inside.name],
      when: 'heat > 30.5',
      then: { fan: 'fast' },
      else: { fan: 'off' },
      mode: 'every',
    };
    writeFileSync(file, JSON.stringify({ rules: [rule] }));
    const own = await startStack({ rulesEnv: { RULES_FILE: file } });
    const [a, b] = [await own.broker.newFleet(inside.name), await own.broker.newFleet(outside.name)];
    const fan = await connectDevice(a, 'fan');
    const other = await connectDevice(b, 'fan');
    for (const heat of [31, 32, 30]) {
      await other.sendReading({ heat });
      await fan.sendReading({ heat });
      expect(await fan.nextCommand()).toEqual({ fan: heat > 30.5 ? 'fast' : 'off' });
    }
    expect(other.commands()).toEqual([]);
  }, 60_000);
});
